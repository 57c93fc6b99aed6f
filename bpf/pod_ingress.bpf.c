// What reaches a pod through the stack: tcx egress on the host's side of its interface. Here policy will stand for the
// plain network; today it counts.
#include "lib/count.h"

SEC("tcx/egress")
int pod_ingress(struct __sk_buff *skb)
{
	return to_stack(REASON_FROM_STACK);
}

char LICENSE[] SEC("license") = "GPL";
