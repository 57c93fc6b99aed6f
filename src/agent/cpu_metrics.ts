// The cores of the node in the metrics: two series for each core and no more. Pure.

import type { CoreTimes } from '../observe/core_times.ts'
import type { Metric } from '../schema/exposition.ts'

export const cpuMetrics = (times: readonly CoreTimes[]): readonly Metric[] => [
  {
    name: 'podlane_cpu_seconds_total',
    type: 'counter',
    help: 'Time of each core of the node in softirq, where packets are handled, and idle; the rest is programs and kernel.',
    samples: times.flatMap(({ cpu, softirqSeconds, idleSeconds }) => [
      { labels: { cpu, mode: 'softirq' }, value: softirqSeconds },
      { labels: { cpu, mode: 'idle' }, value: idleSeconds },
    ]),
  },
]
