// Asks the kernel's connection tracking whether the host translates a flow. Such a flow belongs to the stack, for its
// life and in both directions.
#pragma once
#include "maps.h"
#include "packet.h"

#define IPS_SEEN_REPLY (1 << 1)
#define IPS_SRC_NAT (1 << 4)
#define IPS_DST_NAT (1 << 5)

// Of the kernel, the fields that are read; where they stand there is found out at load.
struct nf_conn {
	unsigned long status;
} __attribute__((preserve_access_index));

struct bpf_ct_opts {
	__s32 netns_id;
	__s32 error;
	__u8 l4proto;
	__u8 dir;
	__u8 reserved[2];
};

extern struct nf_conn *bpf_skb_ct_lookup(struct __sk_buff *skb, struct bpf_sock_tuple *tuple, __u32 tuple_size,
					 struct bpf_ct_opts *opts, __u32 opts_size) __ksym __weak;
extern void bpf_ct_release(struct nf_conn *ct) __ksym __weak;

enum translation {
	NOT_TRANSLATED,
	TRANSLATED,
	TRANSLATED_BOTH_WAYS, // and it has been answered
};

static __always_inline int ask_conntrack(struct __sk_buff *skb, const struct packet *packet, int side)
{
	struct bpf_ct_opts opts = {.netns_id = -1, .l4proto = packet->key.protocol};
	struct bpf_sock_tuple tuple = {};
	unsigned long status;
	struct nf_conn *ct;

	if (packet->protocol == bpf_htons(ETH_P_IP)) {
		__builtin_memcpy(&tuple.ipv4.saddr, packet->key.address[side & 1] + 12, 4);
		__builtin_memcpy(&tuple.ipv4.daddr, packet->key.address[!(side & 1)] + 12, 4);
		tuple.ipv4.sport = packet->key.port[side & 1];
		tuple.ipv4.dport = packet->key.port[!(side & 1)];
		ct = bpf_skb_ct_lookup(skb, &tuple, sizeof(tuple.ipv4), &opts, sizeof(opts));
	} else {
		__builtin_memcpy(&tuple.ipv6.saddr, packet->key.address[side & 1], 16);
		__builtin_memcpy(&tuple.ipv6.daddr, packet->key.address[!(side & 1)], 16);
		tuple.ipv6.sport = packet->key.port[side & 1];
		tuple.ipv6.dport = packet->key.port[!(side & 1)];
		ct = bpf_skb_ct_lookup(skb, &tuple, sizeof(tuple.ipv6), &opts, sizeof(opts));
	}
	if (!ct)
		return NOT_TRANSLATED;
	status = ct->status;
	bpf_ct_release(ct);
	if (!(status & (IPS_SRC_NAT | IPS_DST_NAT)))
		return NOT_TRANSLATED;
	return status & IPS_SEEN_REPLY ? TRANSLATED_BOTH_WAYS : TRANSLATED;
}

// Either direction's tuple may be the one that a translated flow has on this side of the translation.
static __always_inline int translation_of(struct __sk_buff *skb, const struct packet *packet)
{
	int found;

	if (!have_conntrack || (packet->key.protocol != IPPROTO_TCP && packet->key.protocol != IPPROTO_UDP))
		return NOT_TRANSLATED;
	found = ask_conntrack(skb, packet, packet->side);
	return found ? found : ask_conntrack(skb, packet, !packet->side);
}
