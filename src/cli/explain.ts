// `podlane explain` and `podlane lab explain`: the walk of a packet from end to end, as the agents' kernels have it now.

import { labEnds } from '../lab/explain.ts'
import { type Explained, explainWalk, type WalkQuery } from '../lab/walk_client.ts'
import { splitTarget } from '../schema/walk_question.ts'
import { explainText } from './explain_text.ts'
import { FAILED, orPrint, print, printJson } from './terminal.ts'

export type ExplainOptions = {
  readonly socket?: string
  readonly peerSocket?: string
  readonly protocol?: string
  readonly sport?: number
  readonly bytes?: number
  readonly as?: string
  readonly if?: readonly string[]
  readonly json?: true
}

export async function explain(from: string, target: string, options: ExplainOptions): Promise<void> {
  const { to, port } = splitTarget(target)
  show(
    orPrint(
      await explainWalk(
        options.socket ?? '/run/podlane/agent.sock',
        options.peerSocket,
        queryOf(from, to, port, options),
      ),
    ),
    options,
  )
}

/** Finds both agents by itself. */
export async function explainInLab(from: string, target: string, options: ExplainOptions): Promise<void> {
  const { to, port } = splitTarget(target)
  const ends = orPrint(await labEnds(from, to))
  if (!ends) return
  const query = queryOf(ends.from, ends.to, port, options)
  show(orPrint(await explainWalk(ends.socket, ends.peerSocket, query)), options)
}

const queryOf = (from: string, to: string, port: number | undefined, o: ExplainOptions): WalkQuery => ({
  ...{ from, to, port, sourcePort: o.sport, protocol: o.protocol, bytes: o.bytes, as: o.as },
  changes: o.if ?? [],
})

/** A packet that does not arrive is a failure of the command too, for scripts. */
function show(explained: Explained | undefined, { json }: ExplainOptions): void {
  if (!explained) return
  const { near, far } = explained
  if (json) printJson({ ...near, ...(far ? { far } : {}) })
  else print(explainText(explained))
  const { verdict } = far?.now ?? near.now
  if (verdict !== 'delivered' && verdict !== 'sent') process.exitCode = FAILED
}
