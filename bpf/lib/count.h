// Counters: why packets left the fast lane, and how many each path and each pod had in which lane.
#pragma once
#include "maps.h"

// TCX_NEXT, and «continue» to clsact: whoever comes after us sees the packet, then the stack.
#define TO_STACK (-1)
#define DROP 2

// Hands the packet to the plain network, for a reason that is counted.
static __always_inline int to_stack(__u32 reason)
{
	__u64 *count = bpf_map_lookup_elem(&reasons, &reason);
	if (count)
		++*count;
	return TO_STACK;
}

static __always_inline int drop(__u32 reason)
{
	struct event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (event) {
		__builtin_memset(event, 0, sizeof(*event));
		event->kind = EVENT_DROP;
		event->hop = reason;
		bpf_ringbuf_submit(event, 0);
	}
	to_stack(reason);
	return DROP;
}

static __always_inline void add(struct lane_count *count, const struct __sk_buff *skb)
{
	__u32 segments = skb->gso_segs;
	count->packets += segments ? segments : 1;
	count->bytes += skb->len;
}

static __always_inline void count_sent(const struct __sk_buff *skb, __u32 path, __u32 lane)
{
	struct path_count *count = bpf_map_lookup_elem(&path_counts, &path);
	if (count)
		add(&count->sent[lane & 1], skb);
}

static __always_inline void count_received(const struct __sk_buff *skb, __u32 path, __u32 lane)
{
	struct path_count *count = bpf_map_lookup_elem(&path_counts, &path);
	if (count)
		add(&count->received[lane & 1], skb);
}

// The pod's own frame counts, `outer` bytes less than the packet.
static __always_inline void add_frame(struct lane_count *count, const struct __sk_buff *skb, __u32 outer)
{
	add(count, skb);
	count->bytes -= outer;
}

static __always_inline __u32 course_of(const struct path *path)
{
	return path->kind < PATH_VXLAN_4 ? path->kind : COURSE_VXLAN;
}

static __always_inline void count_pod_sent(const struct __sk_buff *skb, __u32 slot, __u32 course, __u32 lane)
{
	struct pod_count *count = bpf_map_lookup_elem(&pod_counts, &slot);
	if (count)
		add(&count->sent[course & 3][lane & 1], skb);
}

static __always_inline void count_pod_received(const struct __sk_buff *skb, __u32 slot, __u32 course, __u32 lane,
					       __u32 outer)
{
	struct pod_count *count = bpf_map_lookup_elem(&pod_counts, &slot);
	if (count)
		add_frame(&count->received[course & 3][lane & 1], skb, outer);
}

static __always_inline struct link *link_of(__u32 ifindex)
{
	__u32 low = ifindex % LINK_SETS;
	struct link_set *set = ifindex ? bpf_map_lookup_elem(&links, &low) : NULL;

	if (!set)
		return NULL;
#pragma unroll
	for (int i = 0; i < LINK_PLACES; i++)
		if (set->link[i].ifindex == ifindex)
			return &set->link[i];
	return NULL;
}
