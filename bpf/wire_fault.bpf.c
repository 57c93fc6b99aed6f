// What a network between nodes does to packets when it is broken, for the lab and for tests: on the switch's port of a
// node, `from_node` at tc ingress and `to_node` at tc egress. Nothing of it runs on a node.
#include <linux/bpf.h>
#include <linux/icmpv6.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

enum wire_fault {
	WIRE_MTU = 1,      // what is larger vanishes, and nobody says so
	WIRE_CHECKSUM = 2, // a checksum that was left to the device comes out wrong
	WIRE_LOSS = 3,     // everything vanishes
};
enum wire_path {
	WIRE_DIRECT = 1, // all IP but VXLAN
	WIRE_VXLAN = 2,
};

const volatile __u32 wire_fault;
const volatile __u32 wire_paths; // bits of wire_path: which packets it meets
const volatile __u32 wire_bytes; // the largest IP packet that passes
const volatile __u32 vxlan_port = 4789;

#define VXLAN_BYTES (sizeof(struct udphdr) + 8 + ETH_HLEN)
#define ND_FIRST 133
#define ND_LAST 137
#define FRAGMENT_OFFSET 0x1fff

struct wire_range {
	__u32 prefix_length;
	__u8 address[16]; // IPv4 as ::ffff:a.b.c.d
};

// Whose packets, seen from the node of this port: the other ends' addresses and pod ranges.
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 1024);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct wire_range);
	__type(value, __u32);
} wire_peers SEC(".maps");

struct heard {
	__u8 source[16];
	__u8 destination[16];
	__u32 transport; // where its header begins
	__u32 bytes;     // of the transport header and what follows
	__u8 protocol;
	__u8 is_first; // of its fragments
	__u8 zero[6];
} __attribute__((aligned(8)));

static __always_inline void map_address(__u8 *out, __u32 address)
{
	__builtin_memset(out, 0, 10);
	out[10] = out[11] = 0xff;
	__builtin_memcpy(out + 12, &address, 4);
}

static __always_inline int read_ip(struct __sk_buff *skb, __u32 at, __u16 ethertype, struct heard *heard)
{
	if (ethertype == bpf_htons(ETH_P_IP)) {
		struct iphdr ip;
		if (bpf_skb_load_bytes(skb, at, &ip, sizeof(ip)))
			return -1;
		heard->transport = at + ip.ihl * 4;
		heard->bytes = bpf_ntohs(ip.tot_len) - ip.ihl * 4;
		heard->protocol = ip.protocol;
		heard->is_first = !(ip.frag_off & bpf_htons(FRAGMENT_OFFSET));
		map_address(heard->source, ip.saddr);
		map_address(heard->destination, ip.daddr);
		return 0;
	}
	if (ethertype == bpf_htons(ETH_P_IPV6)) {
		struct ipv6hdr ip;
		if (bpf_skb_load_bytes(skb, at, &ip, sizeof(ip)))
			return -1;
		heard->transport = at + sizeof(ip);
		heard->bytes = bpf_ntohs(ip.payload_len);
		heard->protocol = ip.nexthdr;
		heard->is_first = 1;
		__builtin_memcpy(heard->source, &ip.saddr, 16);
		__builtin_memcpy(heard->destination, &ip.daddr, 16);
		return 0;
	}
	return -1;
}

static __always_inline int is_tunnel(struct __sk_buff *skb, const struct heard *heard)
{
	__u16 port;

	return heard->protocol == IPPROTO_UDP && heard->is_first &&
	       !bpf_skb_load_bytes(skb, heard->transport + 2, &port, 2) && port == bpf_htons(vxlan_port);
}

// Without it no address is found, on any path.
static __always_inline int is_discovery(struct __sk_buff *skb, const struct heard *heard)
{
	__u8 type;

	return heard->protocol == IPPROTO_ICMPV6 && !bpf_skb_load_bytes(skb, heard->transport, &type, 1) &&
	       type >= ND_FIRST && type <= ND_LAST;
}

// The packet in the tunnel.
static __always_inline int read_inner(struct __sk_buff *skb, const struct heard *outer, struct heard *inner)
{
	__u32 at = outer->transport + VXLAN_BYTES;
	__u16 ethertype;

	return bpf_skb_load_bytes(skb, at - 2, &ethertype, 2) ? -1 : read_ip(skb, at, ethertype, inner);
}

// The largest IP packet that this becomes on the wire: what a device is to cut counts by its pieces.
static __always_inline __u32 largest(struct __sk_buff *skb, const struct heard *last)
{
	__u32 headers = last->transport - ETH_HLEN + sizeof(struct udphdr);
	__u32 piece = skb->gso_size;
	__u8 words;

	if (!piece)
		return skb->len - ETH_HLEN;
	if (last->protocol == IPPROTO_TCP && !bpf_skb_load_bytes(skb, last->transport + 12, &words, 1))
		headers = last->transport - ETH_HLEN + (words >> 4) * 4;
	return headers + piece;
}

// The stack leaves the sum of the pseudo header in the field for a device that is to add the rest (CHECKSUM_PARTIAL).
static __always_inline __u16 left_to_device(const struct heard *heard, int is_4)
{
	__u32 buffer[10] = {};
	__u32 sum;

	__builtin_memcpy(buffer, heard->source, 16);
	__builtin_memcpy(buffer + 4, heard->destination, 16);
	if (is_4)
		// Both prefixes of mapped addresses have the sum 0xffff, which is zero.
		buffer[2] = buffer[6] = 0;
	buffer[8] = bpf_htonl(heard->bytes);
	buffer[9] = bpf_htonl(heard->protocol);
	sum = bpf_csum_diff(0, 0, buffer, sizeof(buffer), 0);
	sum = (sum & 0xffff) + (sum >> 16);
	return (sum & 0xffff) + (sum >> 16);
}

static __always_inline void spoil(struct __sk_buff *skb, const struct heard *heard)
{
	__u32 at = heard->transport + (heard->protocol == IPPROTO_TCP ? 16 : 6);
	int is_4 = !*(__u64 *)heard->source;
	__u16 check;

	if ((heard->protocol != IPPROTO_TCP && heard->protocol != IPPROTO_UDP) || !heard->is_first ||
	    bpf_skb_load_bytes(skb, at, &check, 2) || check != left_to_device(heard, is_4))
		return;
	check ^= 0x5aa5;
	bpf_skb_store_bytes(skb, at, &check, 2, 0);
}

static __always_inline int meet(struct __sk_buff *skb, int is_from)
{
	struct heard outer = {}, inner = {};
	struct wire_range key = {.prefix_length = 128};
	int tunnel;

	if (read_ip(skb, ETH_HLEN, skb->protocol, &outer) || is_discovery(skb, &outer))
		return TC_ACT_OK;
	__builtin_memcpy(key.address, is_from ? outer.destination : outer.source, 16);
	if (!bpf_map_lookup_elem(&wire_peers, &key))
		return TC_ACT_OK;
	tunnel = is_tunnel(skb, &outer);
	if (!(wire_paths & (tunnel ? WIRE_VXLAN : WIRE_DIRECT)))
		return TC_ACT_OK;
	if (wire_fault == WIRE_LOSS)
		return TC_ACT_SHOT;
	if (!tunnel)
		inner = outer;
	else if (read_inner(skb, &outer, &inner))
		return TC_ACT_OK;
	if (wire_fault == WIRE_MTU)
		return largest(skb, &inner) > wire_bytes ? TC_ACT_SHOT : TC_ACT_OK;
	if (wire_fault == WIRE_CHECKSUM)
		spoil(skb, &inner);
	return TC_ACT_OK;
}

SEC("tc")
int from_node(struct __sk_buff *skb)
{
	return meet(skb, 1);
}

SEC("tc")
int to_node(struct __sk_buff *skb)
{
	return meet(skb, 0);
}

char LICENSE[] SEC("license") = "GPL";
