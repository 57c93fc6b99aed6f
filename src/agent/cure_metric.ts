// How many paths are believed to be sick, and of what, as GET /metrics has it. Pure.

import type { PathCure } from '../plan/path_cures.ts'
import type { Metric } from '../schema/exposition.ts'

const KINDS = ['direct', 'vxlan'] as const
const SYMPTOMS = ['reach', 'mtuBytes', 'offload'] as const
const WORDS = { reach: 'reach', mtuBytes: 'mtu', offload: 'offload' } as const

/** All of them, zeros too: an alert that compares needs a series before the fault. */
export const cureMetric = (cures: readonly PathCure[]): Metric => ({
  name: 'podlane_sick_paths',
  type: 'gauge',
  help: 'Paths to other nodes that are believed sick, and worked around where there is a way.',
  samples: KINDS.flatMap((path) =>
    SYMPTOMS.map((symptom) => ({
      labels: { path, symptom: WORDS[symptom] },
      value: cures
        .flatMap(({ sick }) => sick)
        .filter((one) => one.kind === path && one[symptom] !== undefined).length,
    })),
  ),
})
