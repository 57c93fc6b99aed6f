// Programs that the loader, or the verifier, must refuse: each with words that help.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} numbers SEC(".maps");

SEC("tc")
int unchecked(struct __sk_buff *skb)
{
	__u32 zero = 0;
	__u64 *number = bpf_map_lookup_elem(&numbers, &zero);

	return *number; /* may be NULL */
}

extern int nobody_has_this(struct __sk_buff *skb) __ksym;

SEC("tc")
int calls_nobody(struct __sk_buff *skb)
{
	return nobody_has_this(skb);
}

extern const int jiffies_of_old __ksym __weak;

SEC("tc")
int takes_variable(struct __sk_buff *skb)
{
	return !&jiffies_of_old;
}

struct nf_conn {
	unsigned long status;
};

SEC("tc")
int asks_for_type(struct __sk_buff *skb)
{
	return __builtin_preserve_type_info(*(struct nf_conn *)0, 0);
}

SEC("xdp")
int elsewhere(struct xdp_md *xdp)
{
	return 2;
}

char LICENSE[] SEC("license") = "GPL";
