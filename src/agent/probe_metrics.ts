// Probes' part of GET /metrics: how the peers are spread, not which they are, so that series do not grow with them. Pure.

import { isLossy } from '../explain/paths/faults.ts'
import type { PathMeasures } from '../observe/probes/prober.ts'
import type { Metric, Sample } from '../schema/exposition.ts'

const KINDS = ['direct', 'vxlan'] as const
const QUANTILES = [0.5, 0.9, 0.99, 1] as const
const BROKEN_REACH = ['out-only', 'in-only', 'none'] as const

export function probeMetrics(measures: readonly PathMeasures[]): readonly Metric[] {
  if (measures.length === 0) return []
  const kinds = KINDS.map((path) => ({ path, own: measures.filter((m) => m.kind === path) })).filter(
    ({ own }) => own.length > 0,
  )
  const of = (value: (own: readonly PathMeasures[]) => number): Sample[] =>
    kinds.map(({ path, own }) => ({ labels: { path }, value: value(own) }))
  const counted = (holds: (m: PathMeasures) => boolean): Sample[] => of((own) => own.filter(holds).length)
  return [
    gauge(
      'podlane_probe_paths',
      'Paths to other nodes that are probed.',
      of((own) => own.length),
    ),
    gauge(
      'podlane_probe_loss_max_ratio',
      'The largest loss of a path among those that answer at all.',
      of((own) => Math.max(0, ...own.map(lossOf))),
    ),
    gauge(
      'podlane_probe_lossy_paths',
      'Paths with a loss of 1 % or more.',
      counted((m) => m.reach === 'both' && isLossy(m)),
    ),
    gauge(
      'podlane_probe_rtt_seconds',
      'Median round trips: such a share of the peers has no more.',
      kinds.flatMap(({ path, own }) => quantiles(path, own)),
    ),
    gauge(
      'podlane_probe_mtu_mismatches',
      'Paths that let less through than is planned.',
      counted((m) => m.trueMtuBytes !== undefined && m.trueMtuBytes < m.mtuBytes),
    ),
    gauge(
      'podlane_probe_broken_checksum_paths',
      'Paths on which checksums break.',
      counted((m) => m.checksum === 'broken'),
    ),
    gauge(
      'podlane_probe_broken_large_paths',
      'Paths on which large segments are lost.',
      counted((m) => m.large === 'broken'),
    ),
    gauge(
      'podlane_probe_unreachable_paths',
      'Paths on which one way, or neither, works.',
      kinds.flatMap(({ path, own }) =>
        BROKEN_REACH.map((reach) => ({
          labels: { path, reach },
          value: own.filter((m) => m.reach === reach).length,
        })),
      ),
    ),
  ]
}

const lossOf = (m: PathMeasures): number => (m.reach === 'both' ? (m.loss ?? 0) : 0)

function quantiles(path: string, own: readonly PathMeasures[]): Sample[] {
  const sorted = own.flatMap((m) => (m.rttUs ? [m.rttUs.p50] : [])).sort((a, b) => a - b)
  if (sorted.length === 0) return []
  return QUANTILES.map((q) => ({
    labels: { path, share: `${q}` },
    value: (sorted[Math.ceil(q * sorted.length) - 1] ?? 0) / 1e6,
  }))
}

const gauge = (name: string, help: string, samples: readonly Sample[]): Metric => ({
  name,
  type: 'gauge',
  help,
  samples,
})
