// What part of the CPU time a way out would save, from a stage profile. Undefined without one: nothing is guessed.

import type { LoadProfile } from '../../schema/load_facts.ts'
import type { Estimate } from '../capacity/estimate.ts'

/** What the fast lane does without; `ebpf` is what it does instead. */
export const PLAIN_STAGES = ['bridge', 'netfilter', 'conntrack', 'routing', 'veth'] as const
export const TUNNEL_STAGES = ['encapsulation', 'decapsulation'] as const

/** Of the node's busy time. */
export function shareOfStages(
  profile: LoadProfile | undefined,
  stages: readonly string[],
): Estimate | undefined {
  if (!profile || profile.cpu.busyNs <= 0 || profile.stages.length === 0) return undefined
  const chosen = profile.stages.filter((s) => stages.includes(s.stage))
  const of = (key: 'ns' | 'lowNs' | 'highNs'): number =>
    bounded(chosen.reduce((sum, s) => sum + s[key], 0) / profile.cpu.busyNs)
  return { value: of('ns'), low: of('lowNs'), high: of('highNs') }
}

/** All packet handling. */
export function packetShare(profile: LoadProfile | undefined): Estimate | undefined {
  if (!profile) return undefined
  return shareOfStages(
    profile,
    profile.stages.map((s) => s.stage),
  )
}

type Path = LoadProfile['paths'][number]

/** Of the busy time: what the packets of `from` would have cost less as packets of `to`. */
export function savedShare({ cpu }: LoadProfile, from: Path, to: Path): Estimate {
  const of = (dear: number, cheap: number): number => bounded((from.packets * (dear - cheap)) / cpu.busyNs)
  return {
    value: of(from.nsPerPacket, to.nsPerPacket),
    low: of(from.lowNs, to.highNs),
    high: of(from.highNs, to.lowNs),
  }
}

/** Of parts of the load that do not overlap. */
export const added = (a: Estimate, b: Estimate): Estimate => ({
  value: bounded(a.value + b.value),
  low: bounded(a.low + b.low),
  high: bounded(a.high + b.high),
})

/** Something always remains. */
const bounded = (share: number): number => Math.min(0.95, Math.max(0, share))
