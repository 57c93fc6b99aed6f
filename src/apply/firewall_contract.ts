// What the node asks of its packet filter: who may send what, what is translated, which addresses rest.

import type { IfIndex } from '../base/ifindex.ts'
import type { Ip } from '../base/ip.ts'
import type { Mac } from '../base/mac.ts'
import type { Result } from '../base/result.ts'
import type { HostPort } from '../cni/network.ts'
import type { Network } from '../plan/network.ts'
import type { Uplink } from '../plan/uplink.ts'
import type { Outcome } from './outcome.ts'

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

export type Firewall = {
  /** Builds the tables if they are absent or of another version. */
  readonly start: () => Outcome
  /** What the kernel remembers of a former run. */
  readonly recall: () => {
    readonly hostPorts: ReadonlyMap<Ip, readonly HostPort[]>
    readonly cooling: readonly { readonly ip: Ip; readonly remainingMs: number }[]
    /** Who may send: every pod that was wired and not unwired, its link may be gone since. */
    readonly sources: readonly { readonly index: IfIndex; readonly mac: Mac; readonly ip: Ip }[]
  }
  readonly apply: (state: FirewallState, sweep: boolean) => Outcome
  readonly addPod: (pod: FirewallPod) => Result<void>
  /** Elements, hostPorts and flows of the pod are gone when this returns; its addresses rest for `coolDownMs`. */
  readonly removePod: (pod: FirewallPod, coolDownMs: number) => Result<void>
  /** What of the pod's elements is missing, in words. */
  readonly checkPod: (pod: FirewallPod) => readonly string[]
  readonly close: () => void
}
