// What the packet filter's elements are planned from: the network, the nodes, and the pods of this node.

import type { IfIndex } from '../base/ifindex.ts'
import type { Ip } from '../base/ip.ts'
import type { Mac } from '../base/mac.ts'
import type { HostPort } from '../state/wishes.ts'
import type { Network } from './network.ts'
import type { Uplink } from './uplink.ts'

export type FirewallPod = {
  readonly index: IfIndex
  readonly mac: Mac
  readonly addresses: readonly Ip[]
  readonly hostPorts: readonly HostPort[]
}

export type FirewallState = {
  readonly network: Network
  readonly uplink: Uplink | undefined
  /** Every internal address of every node, this one included: pods may send VXLAN to none of them. */
  readonly nodeAddresses: readonly Ip[]
  /** MACs of the peers on the segment, as the kernel resolved them. */
  readonly peerMacs: ReadonlyMap<Ip, Mac>
  readonly pods: readonly FirewallPod[]
}
