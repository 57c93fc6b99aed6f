// A surge as a closed formula gives it: a knee for each path, and latency that grows to it.

import type { SurgeCurves, SurgeStep } from '../../../schema/surge_curves.ts'

export function sampleSurge(): SurgeCurves {
  const knees = { 'flannel’s datapath': 31e3, 'plain direct': 47e3, 'fast VXLAN': 60e3, 'fast direct': 66e3 }
  const loads = [4, 10, 20, 30, 40, 50, 60, 70, 80].map((k) => k * 1e3)
  const step = (direction: 'up' | 'down', offered: number, knee: number): SurgeStep => {
    const back = direction === 'down' && offered < knee ? 1.08 : 1
    const full = (offered / knee) * back
    const served = Math.min(offered, knee / back)
    const p50Ms = full < 1 ? 0.09 / (1 - full * 0.95) : 40 * full
    return {
      direction,
      offered,
      served,
      p50Ms,
      p99Ms: p50Ms * 4,
      p999Ms: p50Ms * 11,
      loss: Math.max(0, 1 - served / offered),
      softirqShare: Math.min(0.62, 0.55 * full),
      busyShare: Math.min(1, full),
      nsPerRequest: 2e9 / knee,
      stages: [
        { stage: 'server', nsPerRequest: 7e3 },
        { stage: 'encapsulation', nsPerRequest: 2e9 / knee - 27e3 },
        { stage: 'socket', nsPerRequest: 14e3 },
      ],
      generatorIsLimit: offered > 75e3 && knee > 60e3,
    }
  }
  return {
    machine: { kernel: '6.18.0', cores: 2 },
    scale: { measured: false, why: 'not measured: 2 cores' },
    paths: Object.entries(knees).map(([path, knee]) => ({
      path,
      prediction:
        knee < 40e3
          ? { refused: 'weak-fit: wanted six points, found four' }
          : { rps: knee * 1.04, low: knee * 0.9, high: knee * 1.2, points: 7 },
      steps: [
        ...loads.map((l) => step('up', l, knee)),
        ...loads
          .toReversed()
          .slice(1)
          .map((l) => step('down', l, knee)),
      ],
    })),
  }
}
