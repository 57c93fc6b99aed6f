// What the programs from socket to socket share: who may, which sockets are joined, where each sends, and counts.
#pragma once
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "bucket.h"

// This node's pods. Written at ADD, which alone knows the namespace; found again by a restarted agent.
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, struct address);
	__type(value, struct socket_pod);
} socket_pods SEC(".maps");

// Entries leave with their sockets.
struct {
	__uint(type, BPF_MAP_TYPE_SOCKHASH);
	__uint(max_entries, 65536);
	__uint(key_size, sizeof(struct socket_key));
	__uint(value_size, sizeof(__u64));
} sockets SEC(".maps");

// Raised by the agent when what was allowed is no more; all older connections of the bucket go back to the stack.
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, BUCKETS);
	__type(key, __u32);
	__type(value, __u32);
} socket_epochs SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SOCKET_EVENTS);
	__type(key, __u32);
	__type(value, struct socket_count);
} socket_counts SEC(".maps");

enum way_state {
	WAY_NEW = 0, // nothing has been sent yet
	WAY_SHORT = 1,
	WAY_STACK = 2, // for good
};

// Of a joined socket, for as long as it is one: where what it sends goes.
struct way {
	struct socket_key peer;
	__u32 epoch;
	__u32 state;
	__u32 zero;
	__u64 socket; // of the peer in the kernel's memory, once it is known; only ever read, see `obstacle_at`
};

// From joining to the other end's first message: where the socket is in memory. A program of this kind may not look a
// socket up in a map. What nobody asks for leaves as the oldest.
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct socket_key);
	__type(value, __u64);
} arrivals SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct way);
} ways SEC(".maps");

static __always_inline void count(__u32 event, __u64 bytes)
{
	struct socket_count *found = bpf_map_lookup_elem(&socket_counts, &event);

	if (!found)
		return;
	found->events++;
	found->bytes += bytes;
}

static __always_inline __u32 epoch_of(const void *address)
{
	__u32 bucket = bucket_of(address);
	__u32 *epoch = bpf_map_lookup_elem(&socket_epochs, &bucket);

	return epoch ? *epoch : 0;
}

static __always_inline __u32 epoch_of_both(const struct socket_key *key)
{
	return epoch_of(key->address[0]) + epoch_of(key->address[1]);
}
