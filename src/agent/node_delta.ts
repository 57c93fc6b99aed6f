// The cluster's nodes on their way from the main thread to the kernel Worker: only what differs from the time before,
// as a thousand rows copied for each change of one would cost more than the change.

import type { NodeRow } from '../state/rows.ts'

export type NodeDelta = { readonly set: readonly NodeRow[]; readonly gone: readonly string[] }

/** The sender's end: called with all present rows, tells what is new since the last call. Rows are immutable. */
export function createNodeDelta(): (rows: Iterable<NodeRow>) => NodeDelta {
  /** BOUNDED by the nodes of the cluster. */
  let sent = new Map<string, NodeRow>()
  return (rows) => {
    const next = new Map<string, NodeRow>()
    for (const row of rows) next.set(row.name, row)
    const set = [...next.values()].filter((row) => sent.get(row.name) !== row)
    const gone = [...sent.keys()].filter((name) => !next.has(name))
    sent = next
    return { set, gone }
  }
}

/** The receiver's end. */
export function applyNodeDelta(rows: Map<string, NodeRow>, delta: NodeDelta): void {
  for (const name of delta.gone) rows.delete(name)
  for (const row of delta.set) rows.set(row.name, row)
}
