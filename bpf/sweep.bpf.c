// Walks the flow tables, run by the agent now and then: counts, takes out what an epoch has made void, and puts each
// pod's share right, which evictions leave too high.
#include "lib/flow.h"

static long sweep_flow(void *map, struct flow_key *key, struct flow *flow, struct sweep *found)
{
	if (!is_current(flow)) {
		bpf_map_delete_elem(&flows, key);
		found->removed++;
		return 0;
	}
	found->flows++;
	for (int i = 0; i < 2; i++) {
		__u32 bucket = flow->side[i].bucket;
		struct share *share = flow->side[i].ifindex ? bpf_map_lookup_elem(&shares, &bucket) : NULL;
		if (share)
			__sync_fetch_and_add(&share->flows, 1);
	}
	return 0;
}

static long sweep_half_open(void *map, struct flow_key *key, struct flow *flow, struct sweep *found)
{
	if (!is_current(flow)) {
		bpf_map_delete_elem(&half_open, key);
		found->removed++;
		return 0;
	}
	found->half_open++;
	return 0;
}

static long clear_share(void *map, __u32 *bucket, struct share *share, void *unused)
{
	share->flows = 0;
	return 0;
}

SEC("syscall")
int sweep(struct sweep *context)
{
	struct sweep found = {};

	bpf_for_each_map_elem(&shares, clear_share, NULL, 0);
	bpf_for_each_map_elem(&flows, sweep_flow, &found, 0);
	bpf_for_each_map_elem(&half_open, sweep_half_open, &found, 0);
	*context = found;
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
