// Rewrites headers in place: Ethernet, the time to live, ECN.
#pragma once
#include "packet.h"

// One hop less, as the stack would count it. The IPv4 header's sum stays what it was, so CHECKSUM_COMPLETE does too.
// `offset` is where the IP header stands, a constant.
static __always_inline int age(struct __sk_buff *skb, struct packet *packet, int offset)
{
	void *end = packet_end(skb);
	void *data = packet_data(skb);

	if (packet->protocol == bpf_htons(ETH_P_IP)) {
		struct iphdr *ip = data + offset;
		__u32 check;
		if ((void *)(ip + 1) > end)
			return -1;
		check = ip->check + bpf_htons(0x0100);
		ip->check = check + (check >= 0xffff);
		ip->ttl--;
	} else {
		struct ipv6hdr *ip = data + offset;
		if ((void *)(ip + 1) > end)
			return -1;
		ip->hop_limit--;
		bpf_csum_update(skb, 0xffff - bpf_htons(1));
	}
	return 0;
}

// To a pod: from the gateway's MAC, which is the same everywhere (GATEWAY_MAC in src/plan/ownership.ts).
static __always_inline int address_to_pod(struct __sk_buff *skb, const __u8 *mac, __u16 protocol)
{
	void *end = packet_end(skb);
	struct ethhdr *eth = packet_data(skb);

	if ((void *)(eth + 1) > end)
		return -1;
	copy_mac(eth->h_dest, mac);
	*(__u16 *)eth->h_source = bpf_htons(0x0270);
	*(__u16 *)(eth->h_source + 2) = bpf_htons(0x6c00);
	*(__u16 *)(eth->h_source + 4) = bpf_htons(0x0001);
	eth->h_proto = protocol;
	return 0;
}

// Congestion that the underlay met, told to the inner packet (RFC 6040, 4.2).
static __always_inline int mark_congestion(struct __sk_buff *skb, const struct packet *packet)
{
	void *end = packet_end(skb);
	void *data = packet_data(skb);

	if (packet->protocol == bpf_htons(ETH_P_IP)) {
		struct iphdr *ip = data + ETH_HLEN;
		__u32 check;
		if ((void *)(ip + 1) > end)
			return -1;
		check = (__u32)ip->check + (0xffffu - bpf_htons(ECN_CE - packet->ecn));
		ip->check = (check & 0xffff) + (check >> 16);
		ip->tos |= ECN_CE;
	} else {
		struct ipv6hdr *ip = data + ETH_HLEN;
		if ((void *)(ip + 1) > end)
			return -1;
		ip->flow_lbl[0] |= ECN_CE << 4;
		bpf_csum_update(skb, bpf_htons((ECN_CE - packet->ecn) << 4));
	}
	return 0;
}
