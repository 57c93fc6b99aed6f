import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PathMeasures } from '../observe/probes/prober.ts'
import { expositionText } from '../schema/exposition.ts'
import { probeMetrics } from './probe_metrics.ts'

const path = (peer: string, over: Partial<PathMeasures>): PathMeasures => ({
  ...{ peer, kind: 'direct', reach: 'both', checksum: 'ok', large: 'ok', mtuBytes: 1500, trueMtuBytes: 1500 },
  ...{ probes: 100, loss: 0, rttUs: { p50: 100, p99: 200 } },
  ...over,
})

test('peers are counted, not named', () => {
  const text = expositionText(
    probeMetrics([
      path('b', { loss: 0.3 }),
      path('c', { trueMtuBytes: 1400, rttUs: { p50: 300, p99: 400 } }),
      path('d', { reach: 'in-only', loss: 1, rttUs: undefined }),
      path('b', { kind: 'vxlan', checksum: 'broken', large: 'broken' }),
    ]),
  )
  const lines = text.split('\n').filter((l) => !l.startsWith('#') && !l.endsWith(' 0') && l !== '')
  assert.deepEqual(lines, [
    'podlane_probe_paths{path="direct"} 3',
    'podlane_probe_paths{path="vxlan"} 1',
    'podlane_probe_loss_max_ratio{path="direct"} 0.3',
    'podlane_probe_lossy_paths{path="direct"} 1',
    'podlane_probe_rtt_seconds{path="direct",share="0.5"} 0.0001',
    'podlane_probe_rtt_seconds{path="direct",share="0.9"} 0.0003',
    'podlane_probe_rtt_seconds{path="direct",share="0.99"} 0.0003',
    'podlane_probe_rtt_seconds{path="direct",share="1"} 0.0003',
    'podlane_probe_rtt_seconds{path="vxlan",share="0.5"} 0.0001',
    'podlane_probe_rtt_seconds{path="vxlan",share="0.9"} 0.0001',
    'podlane_probe_rtt_seconds{path="vxlan",share="0.99"} 0.0001',
    'podlane_probe_rtt_seconds{path="vxlan",share="1"} 0.0001',
    'podlane_probe_mtu_mismatches{path="direct"} 1',
    'podlane_probe_broken_checksum_paths{path="vxlan"} 1',
    'podlane_probe_broken_large_paths{path="vxlan"} 1',
    'podlane_probe_unreachable_paths{path="direct",reach="in-only"} 1',
  ])
})

test('without probes there is nothing to say', () => {
  assert.deepEqual(probeMetrics([]), [])
})
