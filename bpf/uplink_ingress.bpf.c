// What comes in by the uplink: tcx ingress. A flow of the fast lane goes straight into its pod, out of its tunnel if
// it came in one; everything else goes to the stack.
#include "lib/decide.h"
#include "lib/header.h"
#include "lib/icmp_error.h"
#include "lib/neighbour.h"
#include "lib/path_mtu.h"
#include "lib/tunnel.h"
#include <linux/if_packet.h>

// The longest headers that are read: a tunnel over IPv6 with a TCP packet over IPv6 in it.
#define HEADERS (ETH_HLEN + TUNNEL_6 + sizeof(struct ipv6hdr) + sizeof(struct tcphdr))

// Reads the outer packet's end, or the packet itself. Each place is a constant, which the verifier needs.
static __always_inline int read_tunnelled(struct packet *packet, struct sender *sender, struct tunnel *tunnel,
					  void *data, void *end, __u16 protocol)
{
	int reason;

	if (protocol == bpf_htons(ETH_P_IP)) {
		struct iphdr *ip = data + ETH_HLEN;
		__u32 *outer = (__u32 *)sender->outer;
		if ((void *)(ip + 1) > end || ip->protocol != IPPROTO_UDP || *(__u8 *)ip != 0x45 ||
		    ip->frag_off & bpf_htons(FRAGMENT))
			return REASON_NONE;
		reason = read_vxlan((void *)(ip + 1), end, tunnel);
		if (!tunnel->protocol)
			return reason;
		tunnel->bytes = TUNNEL_4;
		tunnel->ecn = ip->tos & ECN_MASK;
		map_address(outer, ip->saddr);
		map_address((__u32 *)sender->own, ip->daddr);
		return read_packet(packet, data + ETH_HLEN + TUNNEL_4, end, tunnel->protocol);
	}
	if (protocol == bpf_htons(ETH_P_IPV6)) {
		struct ipv6hdr *ip = data + ETH_HLEN;
		if ((void *)(ip + 1) > end || ip->version != 6 || ip->nexthdr != IPPROTO_UDP)
			return REASON_NONE;
		reason = read_vxlan((void *)(ip + 1), end, tunnel);
		if (!tunnel->protocol)
			return reason;
		tunnel->bytes = TUNNEL_6;
		tunnel->ecn = (bpf_ntohs(*(__u16 *)ip) >> 4) & ECN_MASK;
		copy(sender->outer, &ip->saddr, sizeof(sender->outer));
		copy(sender->own, &ip->daddr, sizeof(sender->own));
		return read_packet(packet, data + ETH_HLEN + TUNNEL_6, end, tunnel->protocol);
	}
	return REASON_NONE;
}

// The packet, out of its tunnel if it is in one. A function of its own: it may have to read twice.
static __noinline int read_arriving(struct __sk_buff *skb, struct packet *packet, struct sender *sender,
				    struct tunnel *tunnel)
{
	void *end = packet_end(skb);
	struct ethhdr *eth = packet_data(skb);
	int reason;

	if ((void *)(eth + 1) > end)
		return REASON_HEADER;
	copy_mac(sender->mac, eth->h_source);
	reason = read_tunnelled(packet, sender, tunnel, eth, end, eth->h_proto);
	sender->tunnel = tunnel->bytes;
	if (reason || tunnel->bytes)
		return reason;
	return read_packet(packet, eth + 1, end, eth->h_proto);
}

// The stack's own rules about ECN (RFC 6040) hold where more must be done than to pass congestion on.
static __always_inline int fits_ecn(const struct packet *packet, const struct tunnel *tunnel)
{
	if (tunnel->ecn == ECN_CE)
		return packet->ecn != 0;
	return tunnel->ecn == packet->ecn || tunnel->ecn == 0;
}

// A packet of a path that takes the stack. For its pod it counts where it reaches it.
static __always_inline int up(struct __sk_buff *skb, __u32 path, __u32 reason)
{
	count_received(skb, path, LANE_PLAIN);
	return to_stack(reason);
}

static __always_inline int into_pod(struct __sk_buff *skb, struct packet *packet, const struct flow *flow,
				    const struct tunnel *tunnel)
{
	struct flow_side to = flow->side[!(packet->side & 1)];
	int reason;

	if (tunnel->bytes) {
		reason = leave_tunnel(skb, packet, tunnel);
		if (reason)
			return reason == REASON_REFUSED ? to_stack(reason) : drop(reason);
	}
	if (age(skb, packet, ETH_HLEN) || address_to_pod(skb, to.mac, packet->protocol))
		return drop(DROP_UNREADABLE);
	return bpf_redirect_peer(to.ifindex, 0);
}

SEC("tcx/ingress")
int uplink_ingress(struct __sk_buff *skb)
{
	struct sender sender = {};
	struct tunnel tunnel = {};
	struct packet packet;
	struct flow decided, *known, *flow;
	struct path *path;
	int reason;

	if (skb->vlan_present)
		return TO_STACK;
	if (skb->protocol == bpf_htons(ETH_P_ARP))
		return hear_arp(skb);
	reason = read_arriving(skb, &packet, &sender, &tunnel);
	if (reason == REASON_HEADER && skb->data_end - skb->data < HEADERS && skb->data_end - skb->data < skb->len) {
		// Drivers may leave all but the first bytes in pages.
		bpf_skb_pull_data(skb, skb->len < HEADERS ? skb->len : HEADERS);
		tunnel.bytes = tunnel.protocol = 0;
		reason = read_arriving(skb, &packet, &sender, &tunnel);
	}
	if (reason)
		return skb->protocol == bpf_htons(ETH_P_IPV6) && !tunnel.bytes && hear_nd(skb) ? TO_STACK
												: to_stack(reason);
	// What the switch floods is for others; only what is ours has its sender looked at here.
	if (skb->pkt_type != PACKET_HOST)
		return to_stack(REASON_OUTSIDE);
	known = packet.icmp_error ? NULL : bpf_map_lookup_elem(&flows, &packet.key);
	flow = packet.icmp_error ? NULL : decided_flow(&packet, known, clock_units());
	if (!flow) {
		reason = packet.icmp_error
				 ? match_error(skb, &packet, &sender, ETH_HLEN + tunnel.bytes, &decided)
				 : decide(skb, &packet, &sender, known, &decided);
		if (reason && packet.icmp_error && !tunnel.bytes)
			hear_too_big(skb);
		if (reason)
			return to_stack(reason);
		flow = &decided;
	}
	path = bpf_map_lookup_elem(&paths, &flow->path);
	if (!path || path->kind == PATH_HERE)
		return to_stack(REASON_SENDER);
	if (!packet.icmp_error && !is_from(path, &sender))
		return to_stack(REASON_SENDER);
	// A packet of ours that came back, or an error about one that is not for a pod of this node.
	if (!flow->side[!(packet.side & 1)].ifindex)
		return to_stack(REASON_SENDER);
	if (flow->lane != LANE_FAST || !takes_fast(&packet, flow, path->lane, clock_units()))
		return up(skb, flow->path, flow->lane != LANE_FAST ? flow->reason : REASON_LANE);
	if (packet.ttl <= 1)
		return up(skb, flow->path, REASON_TTL);
	if (tunnel.bytes && !fits_ecn(&packet, &tunnel))
		return up(skb, flow->path, REASON_TUNNEL);
	count_received(skb, flow->path, LANE_FAST);
	count_pod_received(skb, flow->slot[!(packet.side & 1)], course_of(path), LANE_FAST, tunnel.bytes);
	return into_pod(skb, &packet, flow, &tunnel);
}

char LICENSE[] SEC("license") = "GPL";
