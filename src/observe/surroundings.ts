// What of the host is in the way of pods' packets and is not ours to change: each with the command that cures it. An
// accept in our table cannot override another table's drop. Gone from the list once the cure stands.

import { type Cidr, cidrBounds, cidrFamily } from '../base/cidr.ts'
import type { Fault } from '../base/result.ts'
import { type Barrier, type Direction, legacyBarrier, nftBarrier } from './forward_barrier.ts'
import { type HostRules, type Run, readHostRules } from './host_rules.ts'

/** @param ranges this node's own: whatever is forwarded here comes from them or goes to them */
export const readSurroundings = async (ranges: readonly Cidr[], run?: Run): Promise<readonly Fault[]> =>
  barriersFor(ranges, await readHostRules(run))

export const barriersFor = (ranges: readonly Cidr[], rules: HostRules): readonly Fault[] =>
  barriers(rules).flatMap((b) => {
    const barred = b.families.flatMap((v) => ranges.filter((r) => cidrFamily(r) === v && !passes(b, r)))
    return barred.length === 0 ? [] : [barrierFault(b, barred)]
  })

const barriers = ({ nft, legacy }: HostRules): Barrier[] => [
  ...nft.flatMap(({ table, listing }) => nftBarrier(table, listing) ?? []),
  ...legacy.flatMap(({ family, program, rules }) => legacyBarrier(family, program, rules) ?? []),
]

function passes(barrier: Barrier, range: Cidr): boolean {
  const { first, last } = cidrBounds(range)
  const through = (direction: Direction): boolean =>
    barrier.accepted.some((a) => {
      if (a.direction !== direction || cidrFamily(a.range) !== cidrFamily(range)) return false
      const bounds = cidrBounds(a.range)
      return bounds.first <= first && last <= bounds.last
    })
  return through('from') && through('to')
}

const barrierFault = (b: Barrier, barred: readonly Cidr[]): Fault => ({
  kind: 'host-firewall',
  object: `${b.by} (${b.where})`,
  wanted: `packets from and to ${barred.join(', ')} forwarded`,
  found: 'it drops what it does not know',
  next: `run: ${b.cure(barred).join(' && ')}`,
})
