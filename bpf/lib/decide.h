// The whole decision about a flow, made on its first packet and again when an epoch has changed: who the ends are, by
// which path they are reached, and which lane the flow has for its life. Policy and services will stand here too.
#pragma once
#include "conntrack.h"
#include "count.h"
#include "flow.h"

// Where a packet came from.
struct sender {
	__u32 ifindex;  // the pod's interface; 0: the uplink
	__u32 tunnel;   // it came in a tunnel, from `outer`
	__u8 mac[6];
	__u8 zero[2];
	__u8 outer[16];
	__u8 own[16]; // the tunnel's end here
} __attribute__((aligned(8)));

// Whether the node behind `path` sent this to us: in the tunnel by both outer addresses, on the segment by its MAC.
static __always_inline int is_from(const struct path *path, const struct sender *sender)
{
	if (sender->tunnel)
		return same_address(path->peer, sender->outer) && same_address(path->own, sender->own);
	// No MAC is known of a node behind a router.
	return same_mac(path->direct_mac, sender->mac) && !is_zero_mac(sender->mac);
}

static __always_inline struct path *path_to(const struct address *address, __u32 *index)
{
	struct range_key key = {.prefix_length = 128};
	__u32 *found;

	__builtin_memcpy(key.address, address, sizeof(key.address));
	found = bpf_map_lookup_elem(&ranges, &key);
	if (!found)
		return NULL;
	*index = *found;
	return bpf_map_lookup_elem(&paths, index);
}

// A kernel that cannot be told the inner packet's family leaves a packet the outer one's protocol: such a flow is not
// for the fast lane in either direction.
static __always_inline int fits_family(const struct path *path, const struct packet *packet)
{
	if (have_decap_family)
		return 1;
	return path->kind != (packet->protocol == bpf_htons(ETH_P_IP) ? PATH_VXLAN_6 : PATH_VXLAN_4);
}

static __always_inline void set_side(struct flow *flow, __u32 number, const struct endpoint *endpoint)
{
	struct flow_side *side = &flow->side[number & 1];

	side->ifindex = endpoint->ifindex;
	flow->slot[number & 1] = endpoint->slot;
	copy_mac(side->mac, endpoint->mac);
}

// Finds both ends and the path. A packet that does not come from where its source belongs is not ours to judge.
static __always_inline int place(const struct packet *packet, const struct sender *sender, struct flow *flow)
{
	const struct address *source = source_of(packet), *destination = destination_of(packet);
	struct endpoint *to = bpf_map_lookup_elem(&endpoints, destination);
	struct endpoint *from;
	struct path *path;

	if (!sender->ifindex) {
		if (!to)
			return REASON_OUTSIDE;
		path = path_to(source, &flow->path);
		if (!path)
			return REASON_OUTSIDE;
		if (!is_from(path, sender))
			return REASON_SENDER;
		set_side(flow, !packet->side, to);
		flow->reason = to->flags & ENDPOINT_LIMITED ? REASON_LIMITED : REASON_NONE;
		if (!fits_family(path, packet))
			flow->reason = REASON_REFUSED;
		return REASON_NONE;
	}
	from = bpf_map_lookup_elem(&endpoints, source);
	if (!from || from->ifindex != sender->ifindex || !same_mac(from->mac, sender->mac))
		return REASON_SENDER;
	set_side(flow, packet->side, from);
	flow->reason = from->flags & ENDPOINT_LIMITED ? REASON_LIMITED : REASON_NONE;
	if (!to) {
		path = path_to(destination, &flow->path);
		if (!path)
			return REASON_OUTSIDE;
		if (!fits_family(path, packet))
			flow->reason = REASON_REFUSED;
		return REASON_NONE;
	}
	set_side(flow, !packet->side, to);
	if (to->flags & ENDPOINT_LIMITED)
		flow->reason = REASON_LIMITED;
	return REASON_NONE;
}

// Whether a packet of a flow that is current comes from where its source is.
static __always_inline int is_sender(const struct packet *packet, const struct sender *sender, const struct flow *flow)
{
	const struct flow_side *side = &flow->side[packet->side & 1];
	struct path *path;

	if (sender->ifindex)
		return side->ifindex == sender->ifindex && same_mac(side->mac, sender->mac);
	// Not one of ours that came back.
	if (!flow->side[!(packet->side & 1)].ifindex)
		return 0;
	path = bpf_map_lookup_elem(&paths, &flow->path);
	return path && path->kind != PATH_HERE && is_from(path, sender);
}

// The lane for the flow's life. `translated` as conntrack said.
static __always_inline void choose_lane(struct flow *flow, int translated)
{
	if (translated)
		flow->reason = REASON_TRANSLATED;
	// Without the kernel's word a flow is taken only once both directions were seen as they are on the wire.
	else if (!flow->reason && !have_conntrack && !has_both(flow->state, SEEN))
		flow->reason = REASON_UNSEEN;
	flow->lane = flow->reason ? LANE_PLAIN : LANE_FAST;
}

static __always_inline int is_new_connection(const struct packet *packet)
{
	return packet->tcp_flags & TCP_SYN && !(packet->tcp_flags & (TCP_ACK | TCP_RST));
}

// Into the table of those that work; if the pod has its share of it, the flow waits on.
static __always_inline void establish(const struct flow_key *key, struct flow *flow, int is_known)
{
	if (!is_known && !take_share(flow))
		return;
	bpf_map_update_elem(&flows, key, flow, BPF_ANY);
	if (!is_known)
		bpf_map_delete_elem(&half_open, key);
}

// A packet of a flow that waits: if the other side answers, the flow works from here on.
static __always_inline int follow_waiting(struct packet *packet, struct flow *waiting, struct flow *out)
{
	__u32 seen = SEEN << packet->side, answers = !(waiting->state & seen);

	*out = *waiting;
	if (answers) {
		out->state |= seen;
		if (out->reason == REASON_UNSEEN)
			out->reason = REASON_NONE;
		choose_lane(out, 0);
	}
	// Refused: a scan of closed ports fills the table of those that work no more than a flood does.
	if (packet->tcp_flags & TCP_RST)
		bpf_map_delete_elem(&half_open, &packet->key);
	else if (answers)
		establish(&packet->key, out, 0);
	return REASON_NONE;
}

// What UDP sockets share with translated flows can change while a flow lives: the kernel is asked again now and then.
static __always_inline void ask_again(struct __sk_buff *skb, const struct packet *packet, struct flow *flow, __u32 now)
{
	flow->asked = now;
	if (flow->lane == LANE_FAST && translation_of(skb, packet)) {
		flow->lane = LANE_PLAIN;
		flow->reason = REASON_TRANSLATED;
	}
}

// Decides, and keeps the decision. `out` is what holds for this packet.
static __noinline int decide(struct __sk_buff *skb, struct packet *packet, const struct sender *sender,
			     struct flow *known, struct flow *out)
{
	struct flow *waiting = known ? NULL : bpf_map_lookup_elem(&half_open, &packet->key);
	__u32 now = clock_units();
	int translated, reason, begins = is_new_connection(packet);

	if (known && is_current(known) && !(packet->tcp_flags & TCP_SYN)) {
		if (packet->key.protocol == IPPROTO_UDP && known->asked != now)
			ask_again(skb, packet, known, now);
		*out = *known;
		// Whoever forges an end must not have it believed.
		if (packet->key.protocol == IPPROTO_TCP && is_sender(packet, sender, known))
			follow_tcp(packet, known);
		return REASON_NONE;
	}
	if (waiting && is_current(waiting) && !begins && now - waiting->asked < WAITING_UNITS)
		return is_sender(packet, sender, waiting) ? follow_waiting(packet, waiting, out) : REASON_SENDER;

	__builtin_memset(out, 0, sizeof(*out));
	// Epochs first: what changes while this decides makes it an old decision.
	out->side[0].bucket = bucket_of(packet->key.address[0]);
	out->side[1].bucket = bucket_of(packet->key.address[1]);
	out->epoch = epoch_of(out->side[0].bucket) + epoch_of(out->side[1].bucket);
	// The guard of the plain network says which tunnels a pod may make; it sees both directions of such a flow.
	if (packet->key.protocol == IPPROTO_UDP &&
	    (packet->key.port[0] == bpf_htons(vxlan_port) || packet->key.port[1] == bpf_htons(vxlan_port)))
		return REASON_SENDER;
	reason = place(packet, sender, out);
	if (reason)
		return reason;
	out->state = SEEN << packet->side | BEGUN << packet->side;
	if (!begins && known)
		out->state = known->state;
	else if (!begins && waiting)
		out->state = waiting->state | SEEN << packet->side;
	out->asked = now;
	out->source_port = bpf_htons(0xc000 | (bucket_of(&packet->key.address[0]) ^ bucket_of(&packet->key.address[1]) ^
					       (packet->key.port[0] * 31u + packet->key.port[1])) % 0x3fff);
	// A connection that begins here is as its pod has made it; one that the host translates never begins with a pod's
	// address at both ends, only its answers look so.
	translated = begins ? NOT_TRANSLATED : translation_of(skb, packet);
	choose_lane(out, translated);
	if (packet->echo == ECHO_REQUESTED && out->lane == LANE_FAST) {
		struct path *path = bpf_map_lookup_elem(&paths, &out->path);
		if (path && path->lane == LANE_FAST)
			out->state |= ECHO_FAST;
		else
			out->state &= ~ECHO_FAST;
	}
	if (begins && known)
		remove_flow(&packet->key, known);
	if (packet->tcp_flags & TCP_RST && !known) {
		bpf_map_delete_elem(&half_open, &packet->key);
		return REASON_NONE;
	}
	if (translated == TRANSLATED_BOTH_WAYS || has_both(out->state, SEEN) || (known && !begins)) {
		establish(&packet->key, out, known && !begins);
		return REASON_NONE;
	}
	if (waiting || may_begin(out, now))
		bpf_map_update_elem(&half_open, &packet->key, out, BPF_ANY);
	return REASON_NONE;
}
