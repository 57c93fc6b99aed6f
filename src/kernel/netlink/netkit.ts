// netkit pairs (drivers/net/netkit.c, Linux 6.7; with a MAC of the maker's choice 6.10): like veth, but a BPF program on
// the host's end sees both directions, and the way from the pod into the host goes without a queue of its own.

import { attr, u16Attr, u32Attr } from './attribute.ts'
import { newLink, type PairSpec, peerInfo } from './link.ts'
import type { Message } from './message.ts'

const NETKIT = {
  PEER_INFO: 1,
  POLICY: 3,
  PEER_POLICY: 4,
  MODE: 5,
  SCRUB: 6,
  PEER_SCRUB: 7,
  HEADROOM: 8,
} as const // prettier-ignore
/** Frames with Ethernet headers: what looks at a pod's MAC finds one. */
const MODE_L2 = 0
/** What becomes of a packet that no program decides on. */
const POLICY_FORWARD = 0
/** A packet's mark and priority end where it changes its namespace, as with veth: a pod sets neither for the host. */
const SCRUB_DEFAULT = 1
/** For the headers of a tunnel over IPv6: Ethernet, IPv6, UDP, VXLAN. */
const HEADROOM_BYTES = 14 + 40 + 8 + 8

/**
 * Both ends, down, in one message; the end that is named first is the primary, which programs are attached to.
 * A kernel leaves out what it does not know yet: SCRUB and HEADROOM are younger than netkit.
 */
export const addNetkit = (spec: PairSpec): Message =>
  newLink('netkit', spec, [
    u32Attr(NETKIT.MODE, MODE_L2),
    u32Attr(NETKIT.POLICY, POLICY_FORWARD),
    u32Attr(NETKIT.PEER_POLICY, POLICY_FORWARD),
    u32Attr(NETKIT.SCRUB, SCRUB_DEFAULT),
    u32Attr(NETKIT.PEER_SCRUB, SCRUB_DEFAULT),
    u16Attr(NETKIT.HEADROOM, HEADROOM_BYTES),
    attr(NETKIT.PEER_INFO, peerInfo(spec)),
  ])
