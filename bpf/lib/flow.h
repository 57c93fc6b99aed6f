// The flow table: one entry for both directions. New flows wait in a table of their own until they are answered, so
// that a flood of them costs no flow that works.
#pragma once
#include "bucket.h"
#include "maps.h"
#include "packet.h"

// The kernel's tick, in units of 256: a second at 250 Hz. Read without a call.
static __always_inline __u32 clock_units(void)
{
	return bpf_jiffies64() >> 8;
}

static __always_inline __u32 epoch_of(__u32 bucket)
{
	__u32 *epoch = bpf_map_lookup_elem(&epochs, &bucket);
	return epoch ? *epoch : 0;
}

static __always_inline int is_current(const struct flow *flow)
{
	return flow->epoch == epoch_of(flow->side[0].bucket) + epoch_of(flow->side[1].bucket);
}

#define BOTH(bit) ((bit) | (bit) << 1)

static __always_inline int has_both(__u32 state, __u32 bit)
{
	return (state & BOTH(bit)) == BOTH(bit);
}

// Decisions about flows that nobody has answered are made again after this, in units of 256 jiffies.
#define WAITING_UNITS 2

// The flow of this packet, if what was decided about it holds without another look: nothing begins or ends, no epoch
// has changed, and the kernel has been asked lately where it must be.
static __always_inline struct flow *decided_flow(const struct packet *packet, struct flow *known, __u32 now)
{
	struct flow *waiting;

	if (packet->tcp_flags & (TCP_SYN | TCP_FIN | TCP_RST))
		return NULL;
	if (known) {
		if (!is_current(known) || has_both(known->state, FIN))
			return NULL;
		return packet->key.protocol == IPPROTO_UDP && known->asked != now ? NULL : known;
	}
	waiting = bpf_map_lookup_elem(&half_open, &packet->key);
	if (!waiting || !(waiting->state & SEEN << packet->side) || now - waiting->asked >= WAITING_UNITS)
		return NULL;
	return is_current(waiting) ? waiting : NULL;
}

// Whether a packet of a fast flow takes the fast lane, if its path has this one now. An answer to an echo request follows
// the request: connection tracking, which has not seen that one, calls the answer invalid. So a switch loses no ping.
static __always_inline int takes_fast(const struct packet *packet, struct flow *flow, __u32 path_lane, __u32 now)
{
	if (packet->echo == ECHO_REQUESTED) {
		if (path_lane != LANE_FAST)
			flow->state &= ~ECHO_FAST;
		else if (flow->asked != now || !(flow->state & ECHO_FAST)) {
			flow->state |= ECHO_FAST;
			flow->asked = now;
		}
	}
	if (path_lane == LANE_FAST)
		return 1;
	return packet->echo == ECHO_ANSWERED && flow->state & ECHO_FAST && now - flow->asked <= 1;
}

// True if the pods at both ends may have one flow more.
static __always_inline int take_share(const struct flow *flow)
{
	struct share *share[2];

#pragma unroll
	for (int i = 0; i < 2; i++) {
		__u32 bucket = flow->side[i].bucket;
		share[i] = flow->side[i].ifindex ? bpf_map_lookup_elem(&shares, &bucket) : NULL;
		if (share[i] && share[i]->flows >= flow_share)
			return 0;
	}
#pragma unroll
	for (int i = 0; i < 2; i++)
		if (share[i])
			__sync_fetch_and_add(&share[i]->flows, 1);
	return 1;
}

// The sweep corrects what evictions leave: a count may only be too high for a while.
static __always_inline void give_share(const struct flow *flow)
{
#pragma unroll
	for (int i = 0; i < 2; i++) {
		__u32 bucket = flow->side[i].bucket;
		struct share *share = flow->side[i].ifindex ? bpf_map_lookup_elem(&shares, &bucket) : NULL;
		if (share && share->flows)
			__sync_fetch_and_add(&share->flows, -1);
	}
}

// True if the pod that this new flow belongs to has not begun too many in this window.
static __always_inline int may_begin(const struct flow *flow, __u32 now)
{
#pragma unroll
	for (int i = 0; i < 2; i++) {
		__u32 bucket = flow->side[i].bucket;
		struct share *share = flow->side[i].ifindex ? bpf_map_lookup_elem(&shares, &bucket) : NULL;
		if (!share)
			continue;
		if (share->window != now) {
			share->window = now;
			share->half_open = 0;
		}
		if (share->half_open >= half_open_share)
			return 0;
		share->half_open++;
	}
	return 1;
}

static __always_inline void remove_flow(const struct flow_key *key, const struct flow *flow)
{
	// Of two processors that see the end, one takes it out.
	if (!bpf_map_delete_elem(&flows, key))
		give_share(flow);
}

// TCP's end: both sides have said it and the last acknowledgement passes, or one has broken off.
static __always_inline void follow_tcp(const struct packet *packet, struct flow *flow)
{
	__u8 flags = packet->tcp_flags;

	if (flags & TCP_RST || (has_both(flow->state, FIN) && !(flags & TCP_FIN))) {
		remove_flow(&packet->key, flow);
		return;
	}
	if (flags & TCP_FIN)
		__sync_fetch_and_or(&flow->state, FIN << packet->side);
}
