// Where the kernel spends its time: runs at every tick of a clock on each processor and counts the stack that it finds.
// What a stack means is the agent's to say, which takes the stacks out of the map now and then.
#include <linux/bpf.h>
#include <linux/bpf_perf_event.h>
#include <bpf/bpf_helpers.h>
#include "abi.h"

// BOUNDED by its size: what finds no room is counted as lost.
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, struct stack);
} stacks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct profile_count);
} profile_counts SEC(".maps");

// Too large for a program's own stack.
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct stack);
} found SEC(".maps");

// FNV-1a over whole addresses, with the high bits brought down: stacks that differ in their last bytes must not meet.
static __always_inline __u64 hash(const struct stack *stack)
{
	__u64 hash = 0xcbf29ce484222325;
	for (__u32 i = 0; i < STACK_FRAMES; i++) {
		if (i * 8 >= stack->frames)
			break;
		hash = (hash ^ stack->address[i]) * 0x100000001b3;
		hash ^= hash >> 29;
	}
	return hash;
}

static __always_inline void count_stack(struct stack *stack, struct profile_count *count)
{
	__u64 key = hash(stack);
	struct stack *known = bpf_map_lookup_elem(&stacks, &key);
	if (known)
		__sync_fetch_and_add(&known->samples, 1);
	else if (bpf_map_update_elem(&stacks, &key, stack, BPF_NOEXIST))
		count->lost++;
}

SEC("perf_event")
int profile(struct bpf_perf_event_data *context)
{
	__u64 from = bpf_ktime_get_ns();
	__u32 zero = 0;
	struct profile_count *count = bpf_map_lookup_elem(&profile_counts, &zero);
	struct stack *stack = bpf_map_lookup_elem(&found, &zero);
	if (!count || !stack)
		return 0;
	count->samples++;
	// Of a program in user mode there is no kernel stack.
	long bytes = bpf_get_stack(context, stack->address, sizeof(stack->address), 0);
	if (bytes > 0) {
		stack->samples = 1;
		stack->frames = bytes;
		count_stack(stack, count);
	} else {
		count->user++;
	}
	count->own_ns += bpf_ktime_get_ns() - from;
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
