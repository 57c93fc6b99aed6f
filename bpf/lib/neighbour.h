// What is heard on the segment about next hops. Nobody asks for them while their packets skip the stack, so a hop that
// has moved is noticed here, whether or not an agent runs.
#pragma once
#include "count.h"
#include "decide.h"

// RFC 826, for Ethernet and IPv4.
struct arp_ipv4 {
	__u16 hardware;
	__u16 protocol;
	__u8 mac_bytes;
	__u8 address_bytes;
	__u16 operation;
	__u8 sender_mac[6];
	__u8 sender[4];
	__u8 target_mac[6];
	__u8 target[4];
} __attribute__((packed));

// A neighbour solicitation or advertisement with its first option.
struct nd_message {
	struct icmp6hdr icmp;
	struct in6_addr target;
	__u8 option;
	__u8 option_length; // in units of 8 bytes
	__u8 mac[6];
} __attribute__((packed));

#define ND_SOLICIT 135
#define ND_ADVERT 136
#define OPTION_SOURCE_MAC 1
#define OPTION_TARGET_MAC 2

// Every path through a hop that has another MAC now is plain at once, until the agent has written its new header.
static __always_inline void hear(const void *address, const __u8 *heard)
{
	// A copy with the alignment that comparing on the stack needs.
	__u8 mac[8] __attribute__((aligned(8))) = {};
	struct neighbour *neighbour = bpf_map_lookup_elem(&neighbours, address);
	struct event *event;
	struct hop *hop;

	__builtin_memcpy(mac, heard, ETH_ALEN);
	if (!neighbour || same_mac(neighbour->mac, mac))
		return;
	hop = bpf_map_lookup_elem(&hops, &neighbour->hop);
	if (!hop || hop->state == HOP_MOVED)
		return;
	hop->state = HOP_MOVED;
	event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (!event)
		return;
	__builtin_memset(event, 0, sizeof(*event));
	event->kind = EVENT_NEIGHBOUR_MOVED;
	event->hop = neighbour->hop;
	__builtin_memcpy(event->address, address, sizeof(event->address));
	__builtin_memcpy(event->mac, mac, ETH_ALEN);
	bpf_ringbuf_submit(event, 0);
}

static __noinline int hear_arp(struct __sk_buff *skb)
{
	struct arp_ipv4 arp;
	__u32 address[4], sender;

	if (bpf_skb_load_bytes(skb, ETH_HLEN, &arp, sizeof(arp)) || arp.protocol != bpf_htons(ETH_P_IP) ||
	    arp.mac_bytes != ETH_ALEN)
		return TO_STACK;
	__builtin_memcpy(&sender, arp.sender, sizeof(sender));
	map_address(address, sender);
	hear(address, arp.sender_mac);
	return TO_STACK;
}

// Whether it was one. Only what no router has forwarded counts (RFC 4861, 7.1).
static __noinline int hear_nd(struct __sk_buff *skb)
{
	struct ipv6hdr ip;
	struct nd_message message;

	if (bpf_skb_load_bytes(skb, ETH_HLEN, &ip, sizeof(ip)) || ip.nexthdr != IPPROTO_ICMPV6 ||
	    ip.hop_limit != 255 ||
	    bpf_skb_load_bytes(skb, ETH_HLEN + sizeof(ip), &message, sizeof(message)) ||
	    (message.icmp.icmp6_type != ND_ADVERT && message.icmp.icmp6_type != ND_SOLICIT))
		return 0;
	if (message.option_length != 1)
		return 1;
	if (message.icmp.icmp6_type == ND_ADVERT && message.option == OPTION_TARGET_MAC)
		hear(&message.target, message.mac);
	if (message.icmp.icmp6_type == ND_SOLICIT && message.option == OPTION_SOURCE_MAC)
		hear(&ip.saddr, message.mac);
	return 1;
}
