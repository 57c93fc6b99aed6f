// The rows that every input produces and every plan reads. Whoever makes a row has parsed it: addresses are canonical.

import type { Cidr } from '../base/cidr.ts'
import type { Ip } from '../base/ip.ts'

/** A machine of the cluster. */
export type NodeRow = {
  readonly name: string
  /** Internal addresses, the first of each family is the one used. */
  readonly addresses: readonly Ip[]
  /** Pod ranges, at most one of each family; empty while the controller has not given one. */
  readonly podCidrs: readonly Cidr[]
  /** What of the source could not be read, in words for `status`; such a node is used as far as it can be. */
  readonly complaints: readonly string[]
}

/** A pod of this node, trimmed to what the network needs. Host-network pods do not become rows. */
export type PodRow = {
  readonly uid: string
  readonly namespace: string
  readonly name: string
  /** status.podIPs; empty until the kubelet has reported them. */
  readonly addresses: readonly Ip[]
  /** Succeeded or Failed: its addresses are free. */
  readonly ended: boolean
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
}

/** Where rows come from and whether they are whole and fresh. */
export type SourceStatus = {
  /** `kubernetes` or `static`. */
  readonly kind: string
  /** Every table has had its first full list. Nothing is swept before. */
  readonly synced: boolean
  /** The source is out of reach since this time (ms since epoch), or undefined while it answers. */
  readonly lostSinceMs: number | undefined
  readonly message: string
}

/** Called on the event loop, one at a time. Upserts and removals are idempotent. */
export type RowSink = {
  readonly node: (row: NodeRow) => void
  readonly nodeGone: (name: string) => void
  /** The full list: rows not in it are gone. */
  readonly nodes: (rows: readonly NodeRow[]) => void
  readonly pod: (row: PodRow) => void
  readonly podGone: (uid: string) => void
  readonly pods: (rows: readonly PodRow[]) => void
  readonly status: (status: SourceStatus) => void
}
