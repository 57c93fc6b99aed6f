// A router on the way says that a tunnel packet was too large: larger ones take the stack from here on, which has heard
// the same and tells the pods, or fragments.
#pragma once
#include "count.h"
#include "flow.h"
#include "tunnel.h"

#define ICMP_FRAGMENTATION_NEEDED 4
#define ICMP6_PACKET_TOO_BIG 2
// Smaller ones nobody means honestly: the kernel's own least (min_pmtu), and IPv6's.
#define SMALLEST_4 552
#define SMALLEST_6 1280

static __always_inline int lower(struct path *path, __u32 mtu_bytes, const __u8 *peer)
{
	struct event *event;

	if (mtu_bytes >= path->mtu_bytes)
		return 0;
	path->mtu_bytes = mtu_bytes;
	event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (!event)
		return 0;
	__builtin_memset(event, 0, sizeof(*event));
	event->kind = EVENT_MTU;
	event->mtu_bytes = mtu_bytes;
	copy(event->address, peer, 16);
	bpf_ringbuf_submit(event, 0);
	return 0;
}

static __noinline int hear_too_big(struct __sk_buff *skb)
{
	__u64 own[2] = {}, peer[2] = {};
	__u32 at = ETH_HLEN, mtu = 0, *index;
	struct icmp_header icmp;
	struct path *path;
	__u8 first, protocol;
	__u16 port;

	if (skb->protocol == bpf_htons(ETH_P_IP)) {
		__u16 next;
		at += sizeof(struct iphdr);
		own[1] = peer[1] = bpf_htonl(0xffff);
		if (bpf_skb_load_bytes(skb, at, &icmp, sizeof(icmp)) || icmp.type != ICMP_UNREACHABLE ||
		    icmp.code != ICMP_FRAGMENTATION_NEEDED || bpf_skb_load_bytes(skb, at + 6, &next, 2) ||
		    bpf_skb_load_bytes(skb, at + 8, &first, 1) || first != 0x45 ||
		    bpf_skb_load_bytes(skb, at + 8 + 9, &protocol, 1) ||
		    bpf_skb_load_bytes(skb, at + 8 + 12, (void *)own + 12, 4) ||
		    bpf_skb_load_bytes(skb, at + 8 + 16, (void *)peer + 12, 4) ||
		    bpf_skb_load_bytes(skb, at + 8 + sizeof(struct iphdr) + 2, &port, 2))
			return 0;
		mtu = bpf_ntohs(next);
		mtu = mtu >= SMALLEST_4 ? mtu - TUNNEL_4 : 0;
	} else {
		at += sizeof(struct ipv6hdr);
		if (bpf_skb_load_bytes(skb, at, &icmp, sizeof(icmp)) || icmp.type != ICMP6_PACKET_TOO_BIG ||
		    bpf_skb_load_bytes(skb, at + 4, &mtu, 4) ||
		    bpf_skb_load_bytes(skb, at + 8 + 6, &protocol, 1) || bpf_skb_load_bytes(skb, at + 8 + 8, own, 16) ||
		    bpf_skb_load_bytes(skb, at + 8 + 24, peer, 16) ||
		    bpf_skb_load_bytes(skb, at + 8 + sizeof(struct ipv6hdr) + 2, &port, 2))
			return 0;
		mtu = bpf_ntohl(mtu);
		mtu = mtu >= SMALLEST_6 ? mtu - TUNNEL_6 : 0;
	}
	// Only a packet of a tunnel: what else this node sends to the peer may be larger.
	if (protocol != IPPROTO_UDP)
		return 0;
	index = bpf_map_lookup_elem(&tunnels, peer);
	path = index && port == bpf_htons(vxlan_port) ? bpf_map_lookup_elem(&paths, index) : NULL;
	return path && mtu && same_address(path->own, own) ? lower(path, mtu, (const __u8 *)peer) : 0;
}
