// What a walk is made of: stages, each some hops, of which one may be the last.

import type { WalkFacts } from '../../observe/walk/facts.ts'
import type { Hop, Walk, Wire } from '../../schema/walk.ts'

export type End = {
  readonly verdict: Walk['verdict']
  readonly why: string
  readonly path: Walk['path']
  readonly wire?: Wire
}
export type Stage = {
  readonly hops: readonly Hop[]
  /** The largest packet that passes here whole. */
  readonly limitBytes?: number
  readonly end?: End
}

type Said = {
  readonly object: string
  readonly does: string
  readonly why?: string
  readonly verdict?: Hop['verdict']
  readonly costNs?: number | undefined
}

export const hop = (f: Pick<WalkFacts, 'node'>, kind: Hop['kind'], said: Said): Hop => ({
  node: f.node,
  kind,
  object: said.object,
  does: said.does,
  why: said.why ?? '',
  verdict: said.verdict ?? 'passes',
  ...(said.costNs === undefined ? {} : { costNs: said.costNs }),
})

/** A hop at which the walk ends. */
export const stopped = (
  f: Pick<WalkFacts, 'node'>,
  kind: Hop['kind'],
  said: Said,
  verdict: Walk['verdict'] = 'dropped',
): Stage => ({
  hops: [hop(f, kind, { ...said, verdict: 'stops' })],
  end: { verdict, why: `${said.object}: ${said.does}${said.why ? `: ${said.why}` : ''}`, path: 'none' },
})
