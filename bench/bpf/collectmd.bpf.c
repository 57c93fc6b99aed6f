// SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
// The least that a datapath over the kernel's collect_md vxlan device can do: everything is a constant, nothing is
// looked up. REMOTE_IP, VXLAN and POD (ifindexes) come from the compiler's command line.
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

#define VNI 7

SEC("tc/pod")
int pod_egress(struct __sk_buff *skb)
{
	struct bpf_tunnel_key key = { .tunnel_id = VNI, .remote_ipv4 = REMOTE_IP, .tunnel_ttl = 64 };

	if (skb->protocol != __builtin_bswap16(0x0800))
		return TC_ACT_OK;
	if (bpf_skb_set_tunnel_key(skb, &key, sizeof key, BPF_F_ZERO_CSUM_TX) < 0)
		return TC_ACT_SHOT;
	return bpf_redirect(VXLAN, 0);
}

SEC("tc/vxlan")
int from_vxlan(struct __sk_buff *skb)
{
	struct bpf_tunnel_key key = {};

	if (bpf_skb_get_tunnel_key(skb, &key, sizeof key, 0) < 0 || key.tunnel_id != VNI)
		return TC_ACT_SHOT;
	return bpf_redirect_peer(POD, 0);
}

char _license[] SEC("license") = "Dual BSD/GPL";
