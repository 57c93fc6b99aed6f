// The stages as counters for Prometheus. Pure.

import { stageOfCell, type Tally } from '../observe/profile/tally.ts'
import type { Metric } from '../schema/exposition.ts'
import { STAGES } from '../schema/stages.ts'

/** @param tally since the agent started; without samples there are no metrics */
export function profileMetrics(tally: Tally): readonly Metric[] {
  if (tally.samples === 0) return []
  const ns = new Float64Array(STAGES.length)
  for (const [cell, cellNs] of tally.cellNs.entries())
    ns[stageOfCell(cell)] = (ns[stageOfCell(cell)] ?? 0) + cellNs
  return [
    {
      name: 'podlane_stage_seconds_total',
      type: 'counter',
      help: 'CPU time of packet handling, by stage, estimated from samples.',
      samples: STAGES.map((stage, i) => ({ labels: { stage }, value: (ns[i] ?? 0) / 1e9 })),
    },
    {
      name: 'podlane_profile_own_seconds_total',
      type: 'counter',
      help: 'CPU time that taking and reading the samples took.',
      samples: [{ value: (tally.programNs + tally.readNs) / 1e9 }],
    },
  ]
}
