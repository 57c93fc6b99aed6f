// What the node asks of its packet filter: who may send what, what is translated, which addresses rest.

import type { Cidr } from '../base/cidr.ts'
import type { IfIndex } from '../base/ifindex.ts'
import type { Ip } from '../base/ip.ts'
import type { Mac } from '../base/mac.ts'
import type { Result } from '../base/result.ts'
import type { FirewallPod, FirewallState } from '../plan/firewall_state.ts'
import type { HostPort } from '../state/wishes.ts'
import type { Outcome } from './outcome.ts'

export type { FirewallPod, FirewallState }

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
  /**
   * Tracking entries between these ranges that translate nothing: their packets change the lane, and an entry that has
   * missed some calls later ones invalid.
   */
  readonly forgetUntranslated: (own: readonly Cidr[], others: readonly Cidr[]) => void
  /** What of the pod's elements is missing, in words. */
  readonly checkPod: (pod: FirewallPod) => readonly string[]
  readonly close: () => void
}
