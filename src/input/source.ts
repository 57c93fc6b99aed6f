// What every input (Kubernetes, a static file, later the mesh) turns its source into.

import type { NodeRow, PodRow, SourceStatus } from '../state/rows.ts'

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

export type Source = {
  readonly close: () => Promise<void>
}
