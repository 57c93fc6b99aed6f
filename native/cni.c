/*
 * The CNI program: hands a runtime's call to the agent's socket and the answer back. It holds no logic of the pod
 * network; it only knows what must be answered when no agent is there. The framing, and why each step is as it is,
 * stand in docs/design/cni.md; src/cni/wire.ts is the other end.
 *
 * Nothing is allocated and nothing needs cleaning up: it can be killed at any instruction.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>
#include "cni_config.h"
#include "cni_marker.h"

#ifndef DEFAULT_SOCKET
#define DEFAULT_SOCKET "/run/podlane/cni.sock"
#endif
#define DEFAULT_WAIT_MS 5000     /* ADD and STATUS: for an agent that restarts */
#define DEFAULT_TIMEOUT_MS 30000 /* for an answer */
#define RETRY_MS 50

#define MAX_CONFIG (1 << 20)
#define MAX_ENV (256 << 10)
#define MAX_REPLY (4 << 20)

#define NSFS_MAGIC 0x6e736673
#define NS_GET_NSTYPE _IO(0xb7, 0x3)
#define CLONE_NEWNET 0x40000000

/* install-cni knows its own program by this text */
__attribute__((used)) static const char signature[] = "podlane-cni-program";

enum namespace_state { NETNS_NONE, NETNS_OPEN, NETNS_FAILED, NETNS_OWN };
enum { FLAG_REPEATED = 1 };

struct request_header {
	char magic[4];
	uint8_t version, flags, netns, reserved;
	uint32_t netns_errno, env_length, config_length;
};

struct reply_header {
	char magic[4];
	uint8_t version, exit_code, reserved[2];
	uint32_t length;
};

struct verb {
	const char *name;
	int enters_namespace, waits, code_when_away;
};

static const struct verb verbs[] = {
	{"ADD", 1, 1, 11}, {"DEL", 0, 0, 11}, {"CHECK", 1, 0, 11}, {"STATUS", 0, 1, 50}, {"GC", 0, 0, 11}, {"VERSION", 0, 0, 0},
};

/* AWAY: nobody took the call. LOST: taken, perhaps done, never answered. SILENT: no answer in time. */
enum outcome { ANSWERED, AWAY, LOST, SILENT, FAILED };

static char config[MAX_CONFIG + 1], env[MAX_ENV];
static size_t config_length, env_length;
static struct {
	struct reply_header header;
	char body[MAX_REPLY];
} reply;
static struct request_header request = {.magic = "PLCN", .version = 1};
static int netns_fd = -1;
static struct sockaddr_un agent = {.sun_family = AF_UNIX};

static long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000L + t.tv_nsec / 1000000;
}

static long milliseconds_from(const char *variable, long otherwise)
{
	const char *text = getenv(variable);
	char *end;
	long value = text ? strtol(text, &end, 10) : -1;

	return text && *text && !*end && value >= 0 && value <= 600000 ? value : otherwise;
}

/* Both texts are our own words: nothing of the caller's stands in them that would need escapes. */
static int fail(int code, const char *message, const char *details)
{
	char out[1024], version[VERSION_SIZE];
	int n;

	version_in_use(config, config_length, version);
	n = snprintf(out, sizeof(out), "{\"cniVersion\":\"%s\",\"code\":%d,\"msg\":\"%s\",\"details\":\"%s\"}\n", version,
		     code, message, details);
	write_all(STDOUT_FILENO, out, (size_t)n);
	return 1;
}

static int answer_version(void)
{
	char out[256], version[VERSION_SIZE];
	int n;

	/* a newer runtime asks in its own version: echo it, the list says what we speak */
	if (!config_string(config, config_length, "cniVersion", version, sizeof(version)))
		strcpy(version, NEWEST_VERSION);
	n = snprintf(out, sizeof(out), "{\"cniVersion\":\"%s\",\"supportedVersions\":[\"" SUPPORTED_VERSIONS("\",\"") "\"]}\n",
		     version);
	return write_all(STDOUT_FILENO, out, (size_t)n) ? 1 : 0;
}

/* A closed 0, 1 or 2 would be given to our socket, and the answer written into it. */
static void keep_standard_fds(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF && open("/dev/null", O_RDWR) < 0)
			_exit(1);
}

static int read_config(long deadline)
{
	while (config_length <= MAX_CONFIG) {
		struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};
		long left = deadline - now_ms();
		ssize_t n;

		if (left <= 0 || poll(&p, 1, (int)left) == 0)
			return -1;
		n = read(STDIN_FILENO, config + config_length, MAX_CONFIG + 1 - config_length);
		if (n == 0)
			return 0;
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return -1;
		if (n > 0)
			config_length += (size_t)n;
	}
	return -1;
}

static int gather_env(void)
{
	for (char **e = environ; *e; e++) {
		size_t size = strlen(*e) + 1;

		if (strncmp(*e, "CNI_", 4) != 0)
			continue;
		if (size > MAX_ENV - env_length)
			return -1;
		memcpy(env + env_length, *e, size);
		env_length += size;
	}
	return 0;
}

static void open_namespace(void)
{
	const char *path = getenv("CNI_NETNS");
	struct stat own, given;
	struct statfs fs;

	if (!path || !*path)
		return;
	request.netns = NETNS_FAILED;
	/* O_NONBLOCK: a path to a FIFO must not hang us */
	netns_fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (netns_fd < 0 || fstatfs(netns_fd, &fs) < 0 || fstat(netns_fd, &given) < 0) {
		request.netns_errno = (uint32_t)errno;
		return;
	}
	if (fs.f_type != NSFS_MAGIC || ioctl(netns_fd, NS_GET_NSTYPE) != CLONE_NEWNET) {
		request.netns_errno = EINVAL;
		return;
	}
	if (stat("/proc/self/ns/net", &own) == 0 && own.st_dev == given.st_dev && own.st_ino == given.st_ino)
		request.netns = NETNS_OWN;
	else
		request.netns = NETNS_OPEN;
}

static int send_request(int fd)
{
	struct iovec parts[3] = {{&request, sizeof(request)}, {env, env_length}, {config, config_length}};
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = 3};
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;

	request.env_length = (uint32_t)env_length;
	request.config_length = (uint32_t)config_length;
	if (request.netns == NETNS_OPEN) {
		memset(&control, 0, sizeof(control));
		control.align.cmsg_len = CMSG_LEN(sizeof(int));
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		memcpy(CMSG_DATA(&control.align), &netns_fd, sizeof(int));
		message.msg_control = control.bytes;
		message.msg_controllen = sizeof(control.bytes);
	}
	for (;;) {
		ssize_t n = sendmsg(fd, &message, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		message.msg_control = NULL;
		message.msg_controllen = 0;
		while (message.msg_iovlen > 0 && (size_t)n >= message.msg_iov->iov_len) {
			n -= (ssize_t)message.msg_iov->iov_len;
			message.msg_iov++;
			if (--message.msg_iovlen == 0)
				return 0;
		}
		message.msg_iov->iov_base = (char *)message.msg_iov->iov_base + n;
		message.msg_iov->iov_len -= (size_t)n;
	}
}

/* The whole answer is here before a byte of it goes to stdout: a dying agent leaves no half of a result. */
static enum outcome receive_reply(int fd, long deadline)
{
	size_t have = 0, want = sizeof(reply.header);

	while (have < want) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		long left = deadline - now_ms();
		ssize_t n;

		if (left <= 0 || poll(&p, 1, (int)left) == 0)
			return SILENT;
		n = recv(fd, (char *)&reply + have, want - have, MSG_DONTWAIT);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n <= 0)
			return LOST;
		have += (size_t)n;
		if (have == sizeof(reply.header)) {
			if (memcmp(reply.header.magic, "PLCN", 4) != 0 || reply.header.version != 1 ||
			    reply.header.length > MAX_REPLY)
				return FAILED;
			want += reply.header.length;
		}
	}
	return ANSWERED;
}

static enum outcome ask(long timeout_ms)
{
	struct timeval limit = {.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000 + 1};
	long deadline = now_ms() + timeout_ms;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	enum outcome outcome;

	if (fd < 0)
		return FAILED;
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (connect(fd, (struct sockaddr *)&agent, sizeof(agent)) < 0)
		outcome = errno == ENOENT || errno == ECONNREFUSED ? AWAY : errno == EAGAIN ? SILENT : FAILED;
	else if (send_request(fd) < 0)
		outcome = errno == EAGAIN ? SILENT : LOST;
	else
		outcome = receive_reply(fd, deadline);
	close(fd);
	return outcome;
}

static int deliver(void)
{
	if (write_all(STDOUT_FILENO, reply.body, reply.header.length) < 0)
		return 1;
	return reply.header.exit_code;
}

/* DEL without an agent: succeed and leave word for the next one. */
static int delete_later(enum outcome first, long timeout_ms)
{
	const char *container = getenv("CNI_CONTAINERID"), *interface = getenv("CNI_IFNAME");
	char marker[MAX_ID + 20], network[MAX_ID + 1] = "";
	int folder;

	if (!container || !valid_name(container, strlen(container), MAX_ID))
		return fail(4, "CNI_CONTAINERID is missing or invalid", "no agent is running and no marker can carry this DEL");
	if (!interface || !valid_interface(interface))
		return fail(4, "CNI_IFNAME is missing or invalid", "no agent is running and no marker can carry this DEL");
	config_string(config, config_length, "name", network, sizeof(network));
	snprintf(marker, sizeof(marker), "%s@%s", container, interface);
	folder = open_marker_folder(agent.sun_path);
	if (folder < 0 || leave_marker(folder, marker, container, interface, network) < 0)
		return fail(11, "the Podlane agent does not answer", "and the DEL could not be noted for it: try again later");
	/* an agent that started after our first try may have read the folder before the marker was there */
	if (first == SILENT || ask(timeout_ms) != ANSWERED)
		return 0;
	if (reply.header.exit_code == 0)
		unlinkat(folder, marker, 0);
	return deliver();
}

static int call_agent(const struct verb *verb)
{
	long timeout_ms = milliseconds_from("PODLANE_TIMEOUT_MS", DEFAULT_TIMEOUT_MS);
	long wait_ms = milliseconds_from("PODLANE_WAIT_MS", DEFAULT_WAIT_MS);
	long deadline = now_ms() + wait_ms;
	const struct timespec pause = {.tv_nsec = RETRY_MS * 1000000L};
	enum outcome outcome;

	/* runtimes ask every few seconds: an agent that hangs is no readier than one that is away */
	if (strcmp(verb->name, "STATUS") == 0 && timeout_ms > wait_ms)
		timeout_ms = wait_ms;
	for (;;) {
		outcome = ask(timeout_ms);
		if (outcome == ANSWERED)
			return deliver();
		if (outcome == LOST)
			request.flags |= FLAG_REPEATED;
		if (!verb->waits || outcome == SILENT || outcome == FAILED || now_ms() >= deadline)
			break;
		nanosleep(&pause, NULL);
	}
	if (strcmp(verb->name, "DEL") == 0)
		return delete_later(outcome, timeout_ms);
	if (outcome == SILENT)
		return fail(verb->code_when_away, "the Podlane agent does not answer", "it took no call or gave no answer in time");
	if (outcome == FAILED)
		return fail(verb->code_when_away, "the Podlane agent cannot be asked", "its socket refuses this process or is not the agent's");
	return fail(verb->code_when_away, "the Podlane agent is not running", "nobody listens on its socket");
}

int main(void)
{
	const char *command = getenv("CNI_COMMAND"), *path = getenv("PODLANE_SOCKET");
	const struct verb *verb = NULL;

	keep_standard_fds();
	for (size_t i = 0; command && i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(command, verbs[i].name) == 0)
			verb = &verbs[i];
	/* started by hand, without a call: do not wait for someone to type a config */
	if ((verb || !isatty(STDIN_FILENO)) && read_config(now_ms() + DEFAULT_TIMEOUT_MS) < 0)
		return fail(5, "the network config on stdin cannot be read", "stdin did not end in time, failed, or is over 1 MiB");
	if (!verb)
		return fail(4, "CNI_COMMAND is missing or unknown", "want one of ADD, DEL, CHECK, STATUS, GC, VERSION");
	if (strcmp(verb->name, "VERSION") == 0)
		return answer_version();
	if (gather_env() < 0)
		return fail(4, "the CNI_ environment variables are too long", "more than 256 KiB together, CNI_ARGS included");
	path = path && *path ? path : DEFAULT_SOCKET;
	if (strlen(path) >= sizeof(agent.sun_path))
		return fail(4, "PODLANE_SOCKET is too long", "the path of a unix socket has at most 107 bytes");
	strcpy(agent.sun_path, path);
	if (verb->enters_namespace)
		open_namespace();
	return call_agent(verb);
}
