// VXLAN as the kernel's own device writes and reads it, so that either end may be in either lane. Large segments stay
// whole in both directions.
#pragma once
#include "count.h"
#include "decide.h"
#include "header.h"

struct vxlanhdr {
	__u32 flags;
	__u32 vni; // in the upper 24 bits
};

#define VXLAN_FLAGS 0x08000000
#define BEHIND_IP (sizeof(struct udphdr) + sizeof(struct vxlanhdr) + ETH_HLEN)
#define TUNNEL_4 (sizeof(struct iphdr) + BEHIND_IP)
#define TUNNEL_6 (sizeof(struct ipv6hdr) + BEHIND_IP)

#define GROW(l3, l2)                                                                                            \
	(BPF_F_ADJ_ROOM_FIXED_GSO | BPF_F_ADJ_ROOM_NO_CSUM_RESET | BPF_F_ADJ_ROOM_ENCAP_L4_UDP | (l3) |         \
	 BPF_F_ADJ_ROOM_ENCAP_L2(l2) | BPF_F_ADJ_ROOM_ENCAP_L2_ETH)

#ifndef BPF_F_ADJ_ROOM_DECAP_L3_IPV4
#define BPF_F_ADJ_ROOM_DECAP_L3_IPV4 (1ULL << 7)
#define BPF_F_ADJ_ROOM_DECAP_L3_IPV6 (1ULL << 8)
#endif

static __always_inline int write_tunnel_4(struct __sk_buff *skb, const struct packet *packet, const struct flow *flow,
					  const struct path *path)
{
	void *data = packet_data(skb), *end = packet_end(skb);
	struct iphdr *ip = data + ETH_HLEN;
	struct udphdr *udp = data + ETH_HLEN + sizeof(*ip);
	__u16 bytes = skb->len - ETH_HLEN;
	__u32 check;

	if (data + ETH_HLEN + TUNNEL_4 > end)
		return -1;
	copy(data, path->header, ETH_HLEN + TUNNEL_4);
	ip->tos = packet->ecn;
	ip->tot_len = bpf_htons(bytes);
	udp->source = flow->source_port;
	// Routers may fragment it: packets of a flow must differ. IPv6 has none, and senders of single packets often zero.
	ip->id = packet->protocol == bpf_htons(ETH_P_IP) && packet->id ? packet->id ^ flow->source_port
									: bpf_get_prandom_u32();
	check = path->checksum + ip->tot_len + ip->id + bpf_htons(packet->ecn);
	check = (check & 0xffff) + (check >> 16);
	ip->check = ~(check + (check >> 16));
	udp->len = bpf_htons(bytes - sizeof(*ip));
	*(__u16 *)(data + ETH_HLEN + TUNNEL_4 - 2) = packet->protocol;
	return 0;
}

static __always_inline int write_tunnel_6(struct __sk_buff *skb, const struct packet *packet, const struct flow *flow,
					  const struct path *path)
{
	void *data = packet_data(skb), *end = packet_end(skb);
	struct ipv6hdr *ip = data + ETH_HLEN;
	struct udphdr *udp = data + ETH_HLEN + sizeof(*ip);
	__u16 bytes = skb->len - ETH_HLEN - sizeof(*ip);

	if (data + ETH_HLEN + TUNNEL_6 > end)
		return -1;
	copy(data, path->header, ETH_HLEN + TUNNEL_6);
	ip->flow_lbl[0] = packet->ecn << 4;
	ip->payload_len = udp->len = bpf_htons(bytes);
	udp->source = flow->source_port;
	*(__u16 *)(data + ETH_HLEN + TUNNEL_6 - 2) = packet->protocol;
	return 0;
}

// Puts the path's header before the packet, one hop less. What the kernel refuses stays as it was and goes to the stack.
static __always_inline int enter_tunnel(struct __sk_buff *skb, struct packet *packet, const struct flow *flow,
					const struct path *path)
{
	if (path->kind == PATH_VXLAN_4) {
		if (bpf_skb_adjust_room(skb, TUNNEL_4, BPF_ADJ_ROOM_MAC, GROW(BPF_F_ADJ_ROOM_ENCAP_L3_IPV4, ETH_HLEN)))
			return REASON_REFUSED;
		if (write_tunnel_4(skb, packet, flow, path) || age(skb, packet, ETH_HLEN + TUNNEL_4))
			return DROP_UNREADABLE;
		return REASON_NONE;
	}
	if (bpf_skb_adjust_room(skb, TUNNEL_6, BPF_ADJ_ROOM_MAC, GROW(BPF_F_ADJ_ROOM_ENCAP_L3_IPV6, ETH_HLEN)))
		return REASON_REFUSED;
	if (write_tunnel_6(skb, packet, flow, path) || age(skb, packet, ETH_HLEN + TUNNEL_6))
		return DROP_UNREADABLE;
	return REASON_NONE;
}

// Where the inner packet stands, if this is one of our tunnel's; 0 if it is not.
struct tunnel {
	__u32 bytes; // what stands between the outer Ethernet header and the inner packet
	__u16 protocol;
	__u8 ecn;
	__u8 zero;
};

static __always_inline int read_vxlan(struct udphdr *udp, void *end, struct tunnel *tunnel)
{
	struct vxlanhdr *vxlan = (void *)(udp + 1);
	struct ethhdr *inner = (void *)(vxlan + 1);

	if ((void *)(udp + 1) > end || udp->dest != bpf_htons(vxlan_port))
		return REASON_NONE;
	// Drivers pull what they can read themselves, which ends here.
	if ((void *)(inner + 1) > end)
		return REASON_HEADER;
	// A sum is the stack's to check; other flags and networks are others' tunnels.
	if (udp->check || vxlan->flags != bpf_htonl(VXLAN_FLAGS) || vxlan->vni != bpf_htonl(vxlan_vni << 8))
		return REASON_TUNNEL;
	tunnel->protocol = inner->h_proto;
	return REASON_NONE;
}

// Takes the outer header away. Only now, when nothing can send the packet to the stack any more.
static __always_inline int leave_tunnel(struct __sk_buff *skb, const struct packet *packet,
					const struct tunnel *tunnel)
{
	__u64 flags = BPF_F_ADJ_ROOM_FIXED_GSO;

	// skb->protocol is still the outer packet's. Without the flag it stays so: see fits_family().
	if (have_decap_family)
		flags |= packet->protocol == bpf_htons(ETH_P_IP) ? BPF_F_ADJ_ROOM_DECAP_L3_IPV4
								  : BPF_F_ADJ_ROOM_DECAP_L3_IPV6;
	if (bpf_skb_adjust_room(skb, -(__s32)tunnel->bytes, BPF_ADJ_ROOM_MAC, flags))
		return REASON_REFUSED;
	if (tunnel->ecn == ECN_CE && packet->ecn != ECN_CE && mark_congestion(skb, packet))
		return DROP_UNREADABLE;
	return REASON_NONE;
}
