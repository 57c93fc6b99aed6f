// An ICMP error belongs to the flow that it is about: in the fast lane the stack's connection tracking has never seen
// that flow, and would call the error invalid.
#pragma once
#include "decide.h"

// Turns `packet` into one of the quoted flow, sent by the side that the quoted packet was for.
static __noinline int read_quoted(struct __sk_buff *skb, struct packet *packet, __u32 ip_offset)
{
	int four = packet->protocol == bpf_htons(ETH_P_IP);
	__u32 at = ip_offset + (four ? 20 : 40) + sizeof(struct icmp_header);
	__u32 transport = at + (four ? 20 : 40);
	__u64 source[2] = {}, destination[2] = {};
	__u16 ports[2], fragment = 0;
	__u8 protocol, first;

	if (bpf_skb_load_bytes(skb, at, &first, 1) || (four && first != 0x45) ||
	    bpf_skb_load_bytes(skb, at + (four ? 9 : 6), &protocol, 1))
		return REASON_HEADER;
	// Ports stand in the first fragment alone.
	if (four && (bpf_skb_load_bytes(skb, at + 6, &fragment, 2) || fragment & bpf_htons(FRAGMENT_OFFSET)))
		return REASON_FRAGMENT;
	if (four) {
		source[1] = destination[1] = bpf_htonl(0xffff);
		if (bpf_skb_load_bytes(skb, at + 12, (void *)source + 12, 4) ||
		    bpf_skb_load_bytes(skb, at + 16, (void *)destination + 12, 4))
			return REASON_HEADER;
	} else if (bpf_skb_load_bytes(skb, at + 8, source, 16) || bpf_skb_load_bytes(skb, at + 24, destination, 16)) {
		return REASON_HEADER;
	}
	if (protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6)
		transport += 4; // the identifier of an echo, which is both ports
	else if (protocol != IPPROTO_TCP && protocol != IPPROTO_UDP)
		return REASON_HEADER;
	if (bpf_skb_load_bytes(skb, transport, ports, sizeof(ports)))
		return REASON_HEADER;
	if (protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6)
		ports[1] = ports[0];
	*(__u32 *)&packet->key.protocol = protocol;
	order_ends(packet, source, destination, ports[0], ports[1]);
	packet->side = !packet->side;
	return REASON_NONE;
}

// The flow that an error is about, if it is in the fast lane and the error is for the pod that sent the quoted packet.
// `from` and `to` are the error's own addresses.
static __noinline int match_error(struct __sk_buff *skb, struct packet *packet, const struct sender *sender,
				  __u32 ip_offset, struct flow *out)
{
	struct address from = *source_of(packet), to = *destination_of(packet);
	struct endpoint *endpoint;
	struct path *path;
	struct flow *flow;
	__u32 index;
	int reason = read_quoted(skb, packet, ip_offset);

	if (reason)
		return reason;
	flow = bpf_map_lookup_elem(&flows, &packet->key);
	if (!flow)
		flow = bpf_map_lookup_elem(&half_open, &packet->key);
	if (!flow || !is_current(flow) || !same_address(&to, destination_of(packet)))
		return REASON_OUTSIDE;
	*out = *flow;
	if (sender->ifindex) {
		endpoint = bpf_map_lookup_elem(&endpoints, &from);
		if (!endpoint || endpoint->ifindex != sender->ifindex || !same_mac(endpoint->mac, sender->mac))
			return REASON_SENDER;
		return same_address(&from, source_of(packet)) ? REASON_NONE : REASON_OUTSIDE;
	}
	// A router on the way may speak of any flow; in a tunnel, or as a pod, only its own node may.
	if (bpf_map_lookup_elem(&endpoints, &from))
		return REASON_SENDER;
	path = path_to(&from, &index);
	if (path ? !is_from(path, sender) : sender->tunnel)
		return REASON_SENDER;
	return REASON_NONE;
}
