// A program for the loader's tests: every kind of thing that the loader has to put right before the kernel takes it.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct key {
	__u32 number;
};

struct count {
	__u64 packets;
	__u64 bytes;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, struct key);
	__type(value, struct count);
} counts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} per_cpu SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 16);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(key_size, 8);
	__uint(value_size, 4);
} ranges SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} events SEC(".maps");

const volatile __u32 slot = 1;
const volatile __u8 use_conntrack = 0;
const volatile __u8 use_missing = 0;
__u64 seen;
__u64 last_length = 7;

/* The kernel's own are larger: the places of the members come from its BTF. */
struct nf_conn {
	unsigned long status;
	unsigned int no_such_member;
} __attribute__((preserve_access_index));

struct bpf_ct_opts;
struct bpf_sock_tuple;
extern struct nf_conn *bpf_skb_ct_lookup(struct __sk_buff *, struct bpf_sock_tuple *, __u32, struct bpf_ct_opts *,
					 __u32) __ksym __weak;
extern void bpf_ct_release(struct nf_conn *) __ksym __weak;
extern int podlane_no_such_function(int) __ksym __weak;

struct ct_opts {
	__s32 netns_id;
	__s32 error;
	__u8 l4proto;
	__u8 dir;
	__u8 reserved[2];
};

struct sum {
	__u64 packets;
};

static long add_one(void *map, struct key *key, struct count *count, struct sum *sum)
{
	sum->packets += count->packets;
	return 0;
}

/* Not static: called by its symbol, and verified by itself. */
__attribute__((noinline)) __u64 packets_of_all(void)
{
	struct sum sum = {};

	bpf_for_each_map_elem(&counts, add_one, &sum, 0);
	return sum.packets;
}

static __attribute__((noinline)) __u32 conntrack_status(struct __sk_buff *skb)
{
	struct bpf_sock_tuple tuple = {};
	struct ct_opts opts = {.netns_id = -1, .l4proto = 6};
	struct nf_conn *ct;
	__u32 status = 0;

	ct = bpf_skb_ct_lookup(skb, &tuple, sizeof(tuple.ipv4), (struct bpf_ct_opts *)&opts, sizeof(opts));
	if (!ct)
		return 0;
	if (__builtin_preserve_field_info(ct->no_such_member, 2))
		status = ct->no_such_member;
	status |= (__u32)ct->status;
	bpf_ct_release(ct);
	return status;
}

static __attribute__((always_inline)) int count_packet(struct __sk_buff *skb, __u64 step)
{
	struct key key = {.number = slot};
	struct count first = {.packets = step, .bytes = skb->len}, *count;
	__u64 *event, *mine;
	__u32 zero = 0;

	mine = bpf_map_lookup_elem(&per_cpu, &zero);
	if (mine)
		*mine += 1;
	count = bpf_map_lookup_elem(&counts, &key);
	if (count) {
		count->packets += step;
		count->bytes += skb->len;
	} else {
		bpf_map_update_elem(&counts, &key, &first, BPF_ANY);
	}
	seen += step;
	last_length = skb->len;
	if (use_conntrack)
		skb->mark = conntrack_status(skb);
	if (use_missing)
		skb->mark = podlane_no_such_function(1);
	skb->cb[0] = packets_of_all();
	event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (event) {
		*event = seen;
		bpf_ringbuf_submit(event, 0);
	}
	return -1; /* TCX_NEXT */
}

SEC("tcx/ingress")
int count_one(struct __sk_buff *skb)
{
	return count_packet(skb, 1);
}

SEC("tcx/ingress")
int count_thousand(struct __sk_buff *skb)
{
	return count_packet(skb, 1000);
}

struct question {
	__u64 conntrack_known;
	__u64 missing_known;
	__u64 status_at;
	__u64 weight;
};

static const __u64 weights[] = {10, 20, 30, 40};

SEC("syscall")
int asked(struct question *question)
{
	question->conntrack_known = !!bpf_skb_ct_lookup;
	question->missing_known = !!podlane_no_such_function;
	question->status_at = __builtin_preserve_field_info(((struct nf_conn *)0)->status, 0);
	question->weight = weights[question->weight & 3];
	return 3;
}

char LICENSE[] SEC("license") = "GPL";
