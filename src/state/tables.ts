// The present rows of all inputs. Inputs write through the sink, everyone else reads; `onChange` says only «look again».

import type { NodeRow, PodRow, RowSink, SourceStatus } from './rows.ts'

export type Tables = {
  readonly nodes: ReadonlyMap<string, NodeRow>
  /** By UID. BOUNDED by the pods of this node. */
  readonly pods: ReadonlyMap<string, PodRow>
  readonly source: SourceStatus
}

export type TableStore = { readonly tables: Tables; readonly sink: RowSink }

/** @param onChange called after each change that differs from what stood */
export function createTables(
  kind: string,
  onChange: (what: 'nodes' | 'pods' | 'source') => void,
): TableStore {
  const nodes = new Map<string, NodeRow>()
  const pods = new Map<string, PodRow>()
  let source: SourceStatus = { kind, synced: false, lostSinceMs: undefined, message: 'not heard yet' }
  const tables: Tables = {
    nodes,
    pods,
    get source() {
      return source
    },
  }
  const put = <T>(table: Map<string, T>, key: string, row: T, what: 'nodes' | 'pods'): void => {
    if (sameRow(table.get(key), row)) return
    table.set(key, row)
    onChange(what)
  }
  const replace = <T>(
    table: Map<string, T>,
    rows: readonly T[],
    key: (row: T) => string,
    what: 'nodes' | 'pods',
  ): void => {
    const next = new Map(rows.map((row) => [key(row), row]))
    const same = next.size === table.size && [...next].every(([k, row]) => sameRow(table.get(k), row))
    if (same) return
    table.clear()
    for (const [k, row] of next) table.set(k, row)
    onChange(what)
  }
  const sink: RowSink = {
    node: (row) => put(nodes, row.name, row, 'nodes'),
    nodeGone: (name) => {
      if (nodes.delete(name)) onChange('nodes')
    },
    nodes: (rows) => replace(nodes, rows, (row) => row.name, 'nodes'),
    pod: (row) => put(pods, row.uid, row, 'pods'),
    podGone: (uid) => {
      if (pods.delete(uid)) onChange('pods')
    },
    pods: (rows) => replace(pods, rows, (row) => row.uid, 'pods'),
    status: (next) => {
      const same = sameRow(source, next)
      source = next
      if (!same) onChange('source')
    },
  }
  return { tables, sink }
}

/** Rows are small and flat: heartbeats of nodes leave them equal and must not wake anyone. */
const sameRow = (a: unknown, b: unknown): boolean =>
  a !== undefined && JSON.stringify(a) === JSON.stringify(b)
