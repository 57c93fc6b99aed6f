// What reaches a pod through the stack: tcx egress on the host's side of its interface. Here policy will stand for the
// plain network; today it counts.
#include "lib/count.h"

SEC("tcx/egress")
int pod_ingress(struct __sk_buff *skb)
{
	struct link *link = link_of(skb->ifindex), *came;

	if (link) {
		// The last device that it came in by; a packet of the node itself has come by none.
		came = link_of(skb->ingress_ifindex);
		count_pod_received(skb, link->slot, came ? came->course : COURSE_OTHER, LANE_PLAIN, 0);
	}
	return to_stack(REASON_FROM_STACK);
}

char LICENSE[] SEC("license") = "GPL";
