// A sink for tests: holds the rows as a state table would, and lets a test wait for a condition on them.

import type { NodeRow, PodRow, SourceStatus } from '../../state/rows.ts'
import type { RowSink } from '../source.ts'

export class RecordingSink implements RowSink {
  readonly nodeRows = new Map<string, NodeRow>()
  readonly podRows = new Map<string, PodRow>()
  /** One word for each call, e.g. `nodes`, `node a`, `nodeGone a`. */
  readonly calls: string[] = []
  lastStatus: SourceStatus | undefined
  #waiting: { readonly met: () => boolean; readonly done: () => void }[] = []

  nodeNames(): readonly string[] {
    return [...this.nodeRows.keys()].sort()
  }

  /** Resolves when the condition holds after some call, at once if it does already. */
  async until(met: () => boolean, limitMs = 10_000): Promise<void> {
    if (met()) return
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const seen = (): string => `${this.calls.slice(-10).join(', ')}; ${JSON.stringify(this.lastStatus)}`
    const timer = setTimeout(() => reject(new Error(`not met: ${met}; last: ${seen()}`)), limitMs)
    this.#waiting.push({ met, done: resolve })
    await promise.finally(() => clearTimeout(timer))
  }

  readonly node = (row: NodeRow): void => {
    this.nodeRows.set(row.name, row)
    this.#called(`node ${row.name}`)
  }
  readonly nodeGone = (name: string): void => {
    this.nodeRows.delete(name)
    this.#called(`nodeGone ${name}`)
  }
  readonly nodes = (rows: readonly NodeRow[]): void => {
    this.nodeRows.clear()
    for (const row of rows) this.nodeRows.set(row.name, row)
    this.#called('nodes')
  }
  readonly pod = (row: PodRow): void => {
    this.podRows.set(row.uid, row)
    this.#called(`pod ${row.uid}`)
  }
  readonly podGone = (uid: string): void => {
    this.podRows.delete(uid)
    this.#called(`podGone ${uid}`)
  }
  readonly pods = (rows: readonly PodRow[]): void => {
    this.podRows.clear()
    for (const row of rows) this.podRows.set(row.uid, row)
    this.#called('pods')
  }
  readonly status = (status: SourceStatus): void => {
    this.lastStatus = status
    this.#called('status')
  }

  #called(call: string): void {
    this.calls.push(call)
    const ready = this.#waiting.filter((w) => w.met())
    this.#waiting = this.#waiting.filter((w) => !ready.includes(w))
    for (const w of ready) w.done()
  }
}
