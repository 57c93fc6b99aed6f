// What is wrong with a path, in words, from what its probes have found. PURE.

import type { PathHealth } from '../../plan/path_health.ts'

export type FaultFacts = Omit<PathHealth, 'peer'> & {
  readonly mtuBytes: number
  readonly probes: number
  /** Of these; 0 to 1. */
  readonly loss: number | undefined
}

/** Below it loss is what networks have. */
const LOSSY = 0.01

/** A single one may be chance, however few there were. */
export const isLossy = ({ probes, loss = 0 }: Pick<FaultFacts, 'probes' | 'loss'>): boolean =>
  loss >= LOSSY && Math.round(probes * loss) >= 2

const REACH: Readonly<Record<PathHealth['reach'], string | undefined>> = {
  both: undefined,
  unknown: undefined,
  'out-only': 'what this node sends arrives, nothing of the peer comes here',
  'in-only': 'what the peer sends comes here, nothing of this node arrives',
  none: 'nothing passes either way',
}

export function pathFaults(facts: FaultFacts): readonly string[] {
  const { kind, reach, loss, trueMtuBytes, mtuBytes, checksum, large } = facts
  const broken = REACH[reach]
  // Where nothing comes back all else follows from it.
  if (broken !== undefined) return [`${kind}: ${broken}`]
  const found = [
    checksum === 'broken' ? 'packets arrive with wrong checksums and are dropped' : undefined,
    checksum !== 'broken' && isLossy(facts)
      ? `${Math.round((loss ?? 0) * 100)} % of probes are lost`
      : undefined,
    trueMtuBytes !== undefined && trueMtuBytes < mtuBytes
      ? `packets of more than ${trueMtuBytes} bytes vanish, ${mtuBytes} are planned`
      : undefined,
    large === 'broken' ? 'large segments are lost, which single packets of their size are not' : undefined,
  ]
  return found.filter((text) => text !== undefined).map((text) => `${kind}: ${text}`)
}
