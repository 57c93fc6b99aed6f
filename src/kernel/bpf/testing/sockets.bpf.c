// A sockops and an sk_msg program that share a map of sockets.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_SOCKHASH);
	__uint(max_entries, 16);
	__uint(key_size, 8);
	__uint(value_size, 4);
} sockets SEC(".maps");

__u64 established = 0;

SEC("sockops")
int watch(struct bpf_sock_ops *ops)
{
	__u64 key = ops->local_port;

	if (ops->op == BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB) {
		__sync_fetch_and_add(&established, 1);
		bpf_sock_hash_update(ops, &sockets, &key, BPF_ANY);
	}
	return 1;
}

SEC("sk_msg")
int pass(struct sk_msg_md *msg)
{
	__u64 key = 0;

	return bpf_msg_redirect_hash(msg, &sockets, &key, BPF_F_INGRESS);
}

char LICENSE[] SEC("license") = "GPL";
