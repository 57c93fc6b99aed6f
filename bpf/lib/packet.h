// Reads a packet into what decides about it. Whatever is not a whole, plain TCP, UDP or echo packet has a reason to
// go to the stack.
#pragma once
#include <linux/bpf.h>
#include <linux/icmpv6.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "../abi.h"
#include "bytes.h"

#define TCP_FIN 1
#define TCP_SYN 2
#define TCP_RST 4
#define TCP_ACK 16

// <linux/icmp.h> wants the C library's headers.
struct icmp_header {
	__u8 type;
	__u8 code;
	__u16 sum;
	__u16 id; // of an echo
	__u16 sequence;
};

#define ICMP_ECHO_REPLY 0
#define ICMP_UNREACHABLE 3
#define ICMP_ECHO_REQUEST 8
#define ICMP_TIME_EXCEEDED 11
#define ICMP_BAD_PARAMETER 12

#define ECHO_REQUESTED 1
#define ECHO_ANSWERED 2

#define ECN_MASK 3
#define ECN_CE 3

// More fragments, or not the first one.
#define FRAGMENT 0x3fff
#define FRAGMENT_OFFSET 0x1fff

struct packet {
	struct flow_key key;
	__u16 protocol;     // ETH_P_IP or ETH_P_IPV6, network order
	__u16 header_bytes; // of its IP and transport headers
	__u16 id;           // IPv4's identification
	__u8 side;         // the sender's, in `key`
	__u8 ttl;
	__u8 ecn;
	__u8 tcp_flags;
	__u8 echo;       // ECHO_REQUESTED or ECHO_ANSWERED
	__u8 icmp_error; // an ICMP error, whose `key` says nothing until the quoted packet is read
} __attribute__((aligned(8)));

// Loads both bounds at once: the compiler may otherwise change the context pointer, which the verifier refuses.
static __always_inline void *packet_data(const struct __sk_buff *skb)
{
	return (void *)(long)skb->data;
}

static __always_inline void *packet_end(const struct __sk_buff *skb)
{
	return (void *)(long)skb->data_end;
}

// The smaller end first; any order will do that is the same in both directions.
static __always_inline void order_ends(struct packet *packet, const void *source, const void *destination,
				       __u16 source_port, __u16 destination_port)
{
	__u64 s0 = word(source, 0), s1 = word(source, 1), d0 = word(destination, 0), d1 = word(destination, 1);
	int from_second = s0 != d0 ? s0 > d0 : s1 != d1 ? s1 > d1 : source_port > destination_port;
	__u64 *first = (__u64 *)packet->key.address[0];

	packet->side = from_second;
	if (from_second) {
		first[0] = d0, first[1] = d1, first[2] = s0, first[3] = s1;
		packet->key.port[0] = destination_port;
		packet->key.port[1] = source_port;
	} else {
		first[0] = s0, first[1] = s1, first[2] = d0, first[3] = d1;
		packet->key.port[0] = source_port;
		packet->key.port[1] = destination_port;
	}
}

static __always_inline void map_address(__u32 out[4], __u32 address)
{
	out[0] = 0;
	out[1] = 0;
	out[2] = bpf_htonl(0xffff);
	out[3] = address;
}

// Ports and flags of the transport header at `l4`, which is `offset` behind the start of the IP header.
static __always_inline int read_transport(struct packet *packet, void *l4, void *end, __u8 protocol, __u16 *ports)
{
	*(__u32 *)&packet->key.protocol = protocol;
	if (protocol == IPPROTO_TCP) {
		struct tcphdr *tcp = l4;
		if ((void *)(tcp + 1) > end)
			return REASON_HEADER;
		ports[0] = tcp->source;
		ports[1] = tcp->dest;
		packet->tcp_flags = ((__u8 *)tcp)[13];
		packet->header_bytes += tcp->doff * 4;
		return REASON_NONE;
	}
	if (protocol == IPPROTO_UDP) {
		struct udphdr *udp = l4;
		if ((void *)(udp + 1) > end)
			return REASON_HEADER;
		ports[0] = udp->source;
		ports[1] = udp->dest;
		packet->header_bytes += sizeof(*udp);
		return REASON_NONE;
	}
	return REASON_HEADER;
}

// ICMP echo, both families: the identifier is both ports. Type and identifier have the same place in both.
static __always_inline int read_echo(struct packet *packet, void *l4, void *end, __u8 protocol, __u16 *ports)
{
	struct icmp_header *icmp = l4;
	if ((void *)(icmp + 1) > end)
		return REASON_HEADER;
	*(__u32 *)&packet->key.protocol = protocol;
	if (protocol == IPPROTO_ICMP) {
		packet->icmp_error = icmp->type == ICMP_UNREACHABLE || icmp->type == ICMP_TIME_EXCEEDED ||
				     icmp->type == ICMP_BAD_PARAMETER;
		if (!packet->icmp_error && icmp->type != ICMP_ECHO_REQUEST && icmp->type != ICMP_ECHO_REPLY)
			return REASON_HEADER;
	} else {
		packet->icmp_error = icmp->type >= ICMPV6_DEST_UNREACH && icmp->type <= ICMPV6_PARAMPROB;
		if (!packet->icmp_error && icmp->type != ICMPV6_ECHO_REQUEST && icmp->type != ICMPV6_ECHO_REPLY)
			return REASON_HEADER;
	}
	if (!packet->icmp_error)
		packet->echo = icmp->type == ICMP_ECHO_REQUEST || icmp->type == ICMPV6_ECHO_REQUEST ? ECHO_REQUESTED
												    : ECHO_ANSWERED;
	ports[0] = ports[1] = icmp->id;
	packet->header_bytes += sizeof(*icmp);
	return REASON_NONE;
}

static __always_inline int read_ports(struct packet *packet, void *l4, void *end, __u8 protocol, __u16 *ports)
{
	if (protocol == IPPROTO_TCP || protocol == IPPROTO_UDP)
		return read_transport(packet, l4, end, protocol, ports);
	if (protocol == (packet->protocol == bpf_htons(ETH_P_IP) ? IPPROTO_ICMP : IPPROTO_ICMPV6))
		return read_echo(packet, l4, end, protocol, ports);
	return REASON_HEADER;
}

static __always_inline int read_ipv4(struct packet *packet, struct iphdr *ip, void *end)
{
	__u32 source[4], destination[4];
	__u16 ports[2];
	int reason;

	if ((void *)(ip + 1) > end || ip->version != 4 || ip->ihl != 5)
		return REASON_HEADER;
	if (ip->frag_off & bpf_htons(FRAGMENT))
		return REASON_FRAGMENT;
	packet->ttl = ip->ttl;
	packet->id = ip->id;
	packet->ecn = ip->tos & ECN_MASK;
	packet->header_bytes = sizeof(*ip);
	reason = read_ports(packet, ip + 1, end, ip->protocol, ports);
	if (reason)
		return reason;
	map_address(source, ip->saddr);
	map_address(destination, ip->daddr);
	order_ends(packet, source, destination, ports[0], ports[1]);
	return REASON_NONE;
}

static __always_inline int is_mapped(const void *address)
{
	return word(address, 0) == 0 && *(const __u32 *)(address + 8) == bpf_htonl(0xffff);
}

static __always_inline int read_ipv6(struct packet *packet, struct ipv6hdr *ip, void *end)
{
	__u16 ports[2];
	int reason;

	if ((void *)(ip + 1) > end || ip->version != 6)
		return REASON_HEADER;
	// They would be taken for the IPv4 addresses in them.
	if (is_mapped(&ip->saddr) || is_mapped(&ip->daddr))
		return REASON_HEADER;
	packet->ttl = ip->hop_limit;
	packet->ecn = (bpf_ntohs(*(__u16 *)ip) >> 4) & ECN_MASK;
	packet->header_bytes = sizeof(*ip);
	reason = read_ports(packet, ip + 1, end, ip->nexthdr, ports);
	if (reason)
		return reason;
	order_ends(packet, &ip->saddr, &ip->daddr, ports[0], ports[1]);
	return REASON_NONE;
}

// Reads the IP packet at `ip`. `protocol` is the EtherType before it.
static __always_inline int read_packet(struct packet *packet, void *ip, void *end, __u16 protocol)
{
	packet->protocol = protocol;
	packet->tcp_flags = 0;
	packet->icmp_error = 0;
	packet->echo = 0;
	if (protocol == bpf_htons(ETH_P_IP))
		return read_ipv4(packet, ip, end);
	if (protocol == bpf_htons(ETH_P_IPV6))
		return read_ipv6(packet, ip, end);
	return REASON_OUTSIDE;
}

static __always_inline const struct address *source_of(const struct packet *packet)
{
	return (const struct address *)packet->key.address[packet->side & 1];
}

static __always_inline const struct address *destination_of(const struct packet *packet)
{
	return (const struct address *)packet->key.address[!(packet->side & 1)];
}

// Size of the largest IP packet that this becomes on the wire.
static __always_inline __u32 wire_bytes(const struct __sk_buff *skb, const struct packet *packet, __u32 ip_offset)
{
	__u32 size = skb->gso_size;
	return size ? packet->header_bytes + size : skb->len - ip_offset;
}
