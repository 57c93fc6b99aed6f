// What every input (Kubernetes, a static file, later the mesh) turns its source into.

export type { RowSink } from '../state/rows.ts'

export type Source = {
  readonly close: () => Promise<void>
}
