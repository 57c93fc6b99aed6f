import assert from 'node:assert/strict'
import { test } from 'node:test'
import { expositionText } from '../schema/exposition.ts'
import { cureMetric } from './cure_metric.ts'

test('sick paths are counted by kind and symptom, and a kind without any is 0', () => {
  const text = expositionText([
    cureMetric([
      { peer: 'b', sick: [{ kind: 'direct', mtuBytes: 1400, reach: 'none' }], proven: ['vxlan'] },
      { peer: 'c', sick: [{ kind: 'direct', mtuBytes: 1300 }], proven: [] },
      { peer: 'd', sick: [{ kind: 'vxlan', offload: 'checksum' }], proven: [] },
    ]),
  ])
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  assert.deepEqual(lines, [
    'podlane_sick_paths{path="direct",symptom="reach"} 1',
    'podlane_sick_paths{path="direct",symptom="mtu"} 2',
    'podlane_sick_paths{path="direct",symptom="offload"} 0',
    'podlane_sick_paths{path="vxlan",symptom="reach"} 0',
    'podlane_sick_paths{path="vxlan",symptom="mtu"} 0',
    'podlane_sick_paths{path="vxlan",symptom="offload"} 1',
  ])
})
