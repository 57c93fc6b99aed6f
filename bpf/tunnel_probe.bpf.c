// Probes that leave by the tunnel device while the stack makes the checksums there: tcx egress. They go on by the way of
// the fast lane, which leaves checksums and cutting to the uplink, so that it is seen when that does right again. The
// cure would otherwise hide what it cures.
#include "lib/tunnel.h"

const volatile __u32 probe_port;

SEC("tcx/egress")
int tunnel_probe(struct __sk_buff *skb)
{
	void *end = packet_end(skb);
	struct ethhdr *eth = packet_data(skb);
	struct flow flow = {.source_port = bpf_htons(0xc000)};
	struct packet packet = {};
	struct path *path;
	struct hop *hop;
	__u32 index, ifindex;
	int reason;

	// Probes have the same port at both ends.
	if ((void *)(eth + 1) > end || read_packet(&packet, eth + 1, end, eth->h_proto) ||
	    packet.key.protocol != IPPROTO_UDP || packet.key.port[0] != bpf_htons(probe_port) ||
	    packet.key.port[1] != bpf_htons(probe_port))
		return TO_STACK;
	path = path_to(destination_of(&packet), &flow.path);
	if (!path || path->kind == PATH_HERE || path->kind == PATH_DIRECT)
		return TO_STACK;
	index = path->hop;
	ifindex = path->ifindex;
	hop = bpf_map_lookup_elem(&hops, &index);
	if (!index || !hop || hop->state != HOP_GOOD)
		return TO_STACK;
	reason = enter_tunnel(skb, &packet, &flow, path);
	if (reason == REASON_NONE)
		return bpf_redirect(ifindex, 0);
	return reason == REASON_REFUSED ? to_stack(reason) : drop(reason);
}

char LICENSE[] SEC("license") = "GPL";
