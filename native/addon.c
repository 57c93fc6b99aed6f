/*
 * The kernel addon: the four things that JavaScript cannot do by itself and TypeScript needs to speak to Linux.
 *
 *   sys(nr, a0 … a5) -> number|bigint   one system call; a failure is -errno, never an exception
 *   ptr(buffer) -> bigint               the address of a buffer's first byte, for structs that hold pointers
 *   mmap(fd, length, prot, flags, offset) -> ArrayBuffer   unmapped by the garbage collector
 *   poll(fd, events, callback) -> close()   calls back on the event loop while the fd is ready (level-triggered)
 *
 * An argument of sys is a number, a bigint, null (0) or a Buffer/TypedArray (its address). The caller keeps every
 * buffer alive that the kernel may still write to after the call.
 */
#define NAPI_VERSION 8
#include <errno.h>
#include <node_api.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include <uv.h>

#define MAX_ARGS 7

static napi_value throw_type(napi_env env, const char *message)
{
	napi_throw_type_error(env, NULL, message);
	return NULL;
}

static int buffer_address(napi_env env, napi_value value, void **address)
{
	bool is = false;

	if (napi_is_typedarray(env, value, &is) == napi_ok && is)
		return napi_get_typedarray_info(env, value, NULL, NULL, address, NULL, NULL) == napi_ok;
	if (napi_is_dataview(env, value, &is) == napi_ok && is)
		return napi_get_dataview_info(env, value, NULL, address, NULL, NULL) == napi_ok;
	if (napi_is_arraybuffer(env, value, &is) == napi_ok && is)
		return napi_get_arraybuffer_info(env, value, address, NULL) == napi_ok;
	return 0;
}

static int argument(napi_env env, napi_value value, long *out)
{
	napi_valuetype type;
	int64_t number;
	uint64_t big;
	bool lossless;
	void *address;

	if (napi_typeof(env, value, &type) != napi_ok)
		return 0;
	switch (type) {
	case napi_undefined:
	case napi_null:
		*out = 0;
		return 1;
	case napi_number:
		if (napi_get_value_int64(env, value, &number) != napi_ok)
			return 0;
		*out = (long)number;
		return 1;
	case napi_bigint:
		if (napi_get_value_bigint_uint64(env, value, &big, &lossless) != napi_ok)
			return 0;
		*out = (long)big;
		return 1;
	case napi_object:
		if (!buffer_address(env, value, &address))
			return 0;
		*out = (long)address;
		return 1;
	default:
		return 0;
	}
}

static napi_value result(napi_env env, long value)
{
	napi_value out;

	/* 2^53: everything that a double holds exactly stays a number */
	if (value > -9007199254740992L && value < 9007199254740992L)
		napi_create_int64(env, value, &out);
	else
		napi_create_bigint_uint64(env, (uint64_t)value, &out);
	return out;
}

static napi_value js_sys(napi_env env, napi_callback_info info)
{
	napi_value argv[MAX_ARGS];
	size_t argc = MAX_ARGS;
	long a[MAX_ARGS] = {0};
	long ret;

	if (napi_get_cb_info(env, info, &argc, argv, NULL, NULL) != napi_ok || argc < 1)
		return throw_type(env, "sys(nr, ...args): nr is missing");
	for (size_t i = 0; i < argc && i < MAX_ARGS; i++)
		if (!argument(env, argv[i], &a[i]))
			return throw_type(env, "sys: an argument must be a number, a bigint, null or a buffer");
	ret = syscall(a[0], a[1], a[2], a[3], a[4], a[5], a[6]);
	return result(env, ret == -1 ? -errno : ret);
}

static napi_value js_ptr(napi_env env, napi_callback_info info)
{
	napi_value argv[1], out;
	size_t argc = 1;
	void *address;

	if (napi_get_cb_info(env, info, &argc, argv, NULL, NULL) != napi_ok || argc < 1 ||
	    !buffer_address(env, argv[0], &address))
		return throw_type(env, "ptr(buffer): not a buffer");
	napi_create_bigint_uint64(env, (uint64_t)address, &out);
	return out;
}

static void unmap(napi_env env, void *data, void *hint)
{
	munmap(data, (size_t)(uintptr_t)hint);
}

static napi_value js_mmap(napi_env env, napi_callback_info info)
{
	napi_value argv[5], out;
	size_t argc = 5;
	long a[5] = {0};
	void *map;

	if (napi_get_cb_info(env, info, &argc, argv, NULL, NULL) != napi_ok || argc < 5)
		return throw_type(env, "mmap(fd, length, prot, flags, offset)");
	for (size_t i = 0; i < 5; i++)
		if (!argument(env, argv[i], &a[i]))
			return throw_type(env, "mmap: every argument is a number");
	map = mmap(NULL, (size_t)a[1], (int)a[2], (int)a[3], (int)a[0], (off_t)a[4]);
	if (map == MAP_FAILED)
		return result(env, -errno);
	if (napi_create_external_arraybuffer(env, map, (size_t)a[1], unmap, (void *)(uintptr_t)a[1], &out) != napi_ok) {
		munmap(map, (size_t)a[1]);
		return throw_type(env, "mmap: this runtime refuses external array buffers");
	}
	return out;
}

struct watch {
	uv_poll_t handle;
	napi_env env;
	napi_ref callback;
	napi_async_context context;
	int closed;
};

static void watch_freed(uv_handle_t *handle)
{
	free(handle->data);
}

static void watch_close(struct watch *w)
{
	if (w->closed)
		return;
	w->closed = 1;
	uv_poll_stop(&w->handle);
	napi_async_destroy(w->env, w->context);
	napi_delete_reference(w->env, w->callback);
	uv_close((uv_handle_t *)&w->handle, watch_freed);
}

static void watch_at_exit(void *data)
{
	watch_close(data);
}

static void watch_ready(uv_poll_t *handle, int status, int events)
{
	struct watch *w = handle->data;
	napi_handle_scope scope;
	napi_value callback, global, argv[1], error;

	napi_open_handle_scope(w->env, &scope);
	napi_create_int32(w->env, status < 0 ? status : events, &argv[0]);
	napi_get_reference_value(w->env, w->callback, &callback);
	napi_get_global(w->env, &global);
	if (napi_make_callback(w->env, w->context, global, callback, 1, argv, NULL) == napi_pending_exception) {
		/* a throw out of a callback is a bug: hand it to the process as any event handler's */
		napi_get_and_clear_last_exception(w->env, &error);
		napi_fatal_exception(w->env, error);
	}
	napi_close_handle_scope(w->env, scope);
}

static napi_value js_watch_close(napi_env env, napi_callback_info info)
{
	void *data;

	napi_get_cb_info(env, info, NULL, NULL, NULL, &data);
	/* the cleanup hook's removal is the sign that the watch is still there: a second close is no error */
	struct watch **slot = data;
	if (*slot) {
		napi_remove_env_cleanup_hook(env, watch_at_exit, *slot);
		watch_close(*slot);
		*slot = NULL;
	}
	return NULL;
}

static void free_slot(napi_env env, void *data, void *hint)
{
	free(data);
}

static napi_value js_poll(napi_env env, napi_callback_info info)
{
	napi_value argv[3], out, name;
	size_t argc = 3;
	int32_t fd, events;
	napi_valuetype type = napi_undefined;
	uv_loop_t *loop;
	struct watch *w, **slot;
	int err;

	if (napi_get_cb_info(env, info, &argc, argv, NULL, NULL) != napi_ok || argc < 3 ||
	    napi_get_value_int32(env, argv[0], &fd) != napi_ok || napi_get_value_int32(env, argv[1], &events) != napi_ok ||
	    napi_typeof(env, argv[2], &type) != napi_ok || type != napi_function)
		return throw_type(env, "poll(fd, events, callback)");
	if (napi_get_uv_event_loop(env, &loop) != napi_ok)
		return throw_type(env, "poll: no event loop");
	w = calloc(1, sizeof(*w));
	slot = calloc(1, sizeof(*slot));
	if (!w || !slot)
		abort();
	err = uv_poll_init(loop, &w->handle, fd);
	if (err) {
		free(w);
		free(slot);
		return result(env, err);
	}
	w->handle.data = w;
	w->env = env;
	*slot = w;
	napi_create_string_utf8(env, "podlane.poll", NAPI_AUTO_LENGTH, &name);
	napi_async_init(env, NULL, name, &w->context);
	napi_create_reference(env, argv[2], 1, &w->callback);
	napi_add_env_cleanup_hook(env, watch_at_exit, w);
	uv_poll_start(&w->handle, events, watch_ready);
	napi_create_function(env, "close", NAPI_AUTO_LENGTH, js_watch_close, slot, &out);
	napi_add_finalizer(env, out, slot, free_slot, NULL, NULL);
	return out;
}

static napi_value init(napi_env env, napi_value exports)
{
	static const struct {
		const char *name;
		napi_callback call;
	} all[] = {{"sys", js_sys}, {"ptr", js_ptr}, {"mmap", js_mmap}, {"poll", js_poll}};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		napi_value fn;

		napi_create_function(env, all[i].name, NAPI_AUTO_LENGTH, all[i].call, NULL, &fn);
		napi_set_named_property(env, exports, all[i].name, fn);
	}
	return exports;
}

NAPI_MODULE(podlane, init)
