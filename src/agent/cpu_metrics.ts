// The cores of the node in the metrics: two series for each core and no more. Pure.

import type { CpuTimes } from '../observe/cpu_times.ts'
import type { Metric } from '../schema/exposition.ts'

export const cpuMetrics = (times: readonly CpuTimes[]): readonly Metric[] => [
  {
    name: 'podlane_cpu_seconds_total',
    type: 'counter',
    help: 'Time that each core of the node did not idle: in softirq, where packets are handled, and otherwise.',
    samples: times.flatMap(({ cpu, softirqSeconds, otherSeconds }) => [
      { labels: { cpu, mode: 'softirq' }, value: softirqSeconds },
      { labels: { cpu, mode: 'other' }, value: otherSeconds },
    ]),
  },
]
