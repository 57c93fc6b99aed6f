// What a pod sends: tcx ingress on the host's side of its interface. A flow of the fast lane goes straight to the
// other pod on this node, or with its path's header straight to the uplink; everything else goes to the stack.
#include "lib/decide.h"
#include "lib/header.h"
#include "lib/icmp_error.h"
#include "lib/tunnel.h"

// A packet of no path that is known takes the stack. Its pod is known by its link.
static __noinline int aside(struct __sk_buff *skb, __u32 reason)
{
	struct link *link = link_of(skb->ifindex);

	if (link)
		count_pod_sent(skb, link->slot, COURSE_OTHER, LANE_PLAIN);
	return to_stack(reason);
}

// A packet of a path that takes the stack.
static __noinline int down(struct __sk_buff *skb, const struct path *path, __u32 index, __u32 slot, __u32 reason)
{
	count_sent(skb, index, LANE_PLAIN);
	count_pod_sent(skb, slot, course_of(path), LANE_PLAIN);
	return to_stack(reason);
}

static __always_inline int to_pod(struct __sk_buff *skb, struct packet *packet, const struct flow *flow,
				  const struct path *path, __u32 slot)
{
	__u32 other = !(packet->side & 1);
	const struct flow_side *side = &flow->side[other];

	if (wire_bytes(skb, packet, ETH_HLEN) > path->mtu_bytes)
		return down(skb, path, flow->path, slot, REASON_TOO_BIG);
	count_sent(skb, PATH_LOCAL, LANE_FAST);
	count_pod_sent(skb, slot, COURSE_HERE, LANE_FAST);
	count_pod_received(skb, flow->slot[other], COURSE_HERE, LANE_FAST, 0);
	if (age(skb, packet, ETH_HLEN) || address_to_pod(skb, side->mac, packet->protocol))
		return drop(DROP_UNREADABLE);
	return bpf_redirect_peer(side->ifindex, 0);
}

static __always_inline int to_path(struct __sk_buff *skb, struct packet *packet, const struct flow *flow,
				   const struct path *path, __u32 slot)
{
	__u32 index = path->hop, ifindex = path->ifindex;
	struct hop *hop = bpf_map_lookup_elem(&hops, &index);
	int reason;

	if (!index || !hop || hop->state != HOP_GOOD)
		return down(skb, path, flow->path, slot, REASON_HOP);
	if (wire_bytes(skb, packet, ETH_HLEN) > path->mtu_bytes)
		return down(skb, path, flow->path, slot, REASON_TOO_BIG);
	count_sent(skb, flow->path, LANE_FAST);
	count_pod_sent(skb, slot, course_of(path), LANE_FAST);
	if (path->kind == PATH_DIRECT) {
		struct ethhdr *eth;
		if (age(skb, packet, ETH_HLEN))
			return drop(DROP_UNREADABLE);
		eth = packet_data(skb);
		if ((void *)(eth + 1) > packet_end(skb))
			return drop(DROP_UNREADABLE);
		copy(eth, path->header, ETH_HLEN - 2);
		return bpf_redirect(ifindex, 0);
	}
	reason = enter_tunnel(skb, packet, flow, path);
	if (reason == REASON_NONE)
		return bpf_redirect(ifindex, 0);
	return reason == REASON_REFUSED ? to_stack(reason) : drop(reason);
}

SEC("tcx/ingress")
int pod_egress(struct __sk_buff *skb)
{
	void *end = packet_end(skb);
	struct ethhdr *eth = packet_data(skb);
	struct sender sender = {};
	struct packet packet;
	struct flow decided, *known, *flow;
	struct flow_side *from;
	struct path *path;
	__u32 slot;
	int reason;

	// A tag stands beside the packet, and would stay there.
	if ((void *)(eth + 1) > end || skb->vlan_present)
		return aside(skb, REASON_HEADER);
	reason = read_packet(&packet, eth + 1, end, eth->h_proto);
	if (reason)
		return aside(skb, reason);
	known = packet.icmp_error ? NULL : bpf_map_lookup_elem(&flows, &packet.key);
	flow = packet.icmp_error ? NULL : decided_flow(&packet, known, clock_units());
	if (!flow) {
		sender.ifindex = skb->ifindex;
		copy_mac(sender.mac, eth->h_source);
		reason = packet.icmp_error ? match_error(skb, &packet, &sender, ETH_HLEN, &decided)
					   : decide(skb, &packet, &sender, known, &decided);
		if (reason)
			return aside(skb, reason);
		flow = &decided;
	}
	from = &flow->side[packet.side & 1];
	if (from->ifindex != skb->ifindex || !same_mac(from->mac, eth->h_source))
		return aside(skb, REASON_SENDER);
	path = bpf_map_lookup_elem(&paths, &flow->path);
	if (!path)
		return aside(skb, REASON_OUTSIDE);
	slot = flow->slot[packet.side & 1];
	if (flow->lane != LANE_FAST || !takes_fast(&packet, flow, path->lane, clock_units()))
		return down(skb, path, flow->path, slot, flow->lane != LANE_FAST ? flow->reason : REASON_LANE);
	if (packet.ttl <= 1)
		return down(skb, path, flow->path, slot, REASON_TTL);
	if (path->kind == PATH_HERE)
		return to_pod(skb, &packet, flow, path, slot);
	return to_path(skb, &packet, flow, path, slot);
}

char LICENSE[] SEC("license") = "GPL";
