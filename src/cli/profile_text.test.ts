import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ProfileReport } from '../schema/profile_report.ts'
import { profileText } from './profile_text.ts'

const report: ProfileReport = {
  ...{ seconds: 10, cpus: 2, hz: 997, samples: 19_940, source: 'samples' },
  missing: ['CPU time by pod: no pod’s packets are counted'],
  packetNs: 8e9,
  cpu: { busyNs: 12e9, idleNs: 8e9, userNs: 2e9, softirqNs: 5e9 },
  rest: { userNs: 2e9, kernelNs: 2e9, idleNs: 8e9 },
  stages: [
    { stage: 'netfilter', ns: 2e9, lowNs: 1.9e9, highNs: 2.1e9, share: 0.25 },
    { stage: 'socket', ns: 6e9, lowNs: 5.8e9, highNs: 6.2e9, share: 0.75 },
    { stage: 'gro', ns: 0, lowNs: 0, highNs: 4e6, share: 0 },
  ],
  others: [{ symbol: 'a_new_function', ns: 3e6 }],
  paths: [
    {
      ...{ path: 'vxlan', lane: 'plain', packets: 1_000_000, nsPerPacket: 8000, lowNs: 7900, highNs: 8100 },
      stages: [{ stage: 'socket', nsPerPacket: 6000 }],
    },
  ],
  pods: [
    { namespace: 'web', name: 'a', addresses: [], packets: 10, bytes: 900, ns: 8e4, share: 0.01 },
    { addresses: ['10.244.1.7'], packets: 5, bytes: 400, ns: 4e4, share: 0.005 },
  ],
  own: { ns: 2e7, share: 0.002 },
}

test('stages are shown largest first, those that were not met are left out', () => {
  const lines = profileText(report).split('\n')
  assert.equal(lines[0], 'packets 0.80 cores of 2, over 10 s (19940 samples, 997 a second and core)')
  const at = (words: string): number => lines.findIndex((l) => l.startsWith(words))
  assert.ok(at('socket, TCP and UDP') > 0 && at('socket, TCP and UDP') < at('netfilter hooks'))
  assert.equal(at('GRO'), -1)
  assert.match(lines[at('socket, TCP')] ?? '', /█{24} +75\.0 % +600\.0 +580\.0 – 620\.0$/)
})

test('paths, pods, what is missing, what is other and what measuring took are said', () => {
  const text = profileText(report)
  assert.match(text, /^vxlan +plain +1000000 +8000 +7900 – 8100 +socket 6000$/m)
  assert.match(text, /^web\/a +10 +900 +0\.1 +1\.0 %$/m)
  assert.match(text, /^10\.244\.1\.7 /m)
  assert.match(text, /^other is a_new_function 3\.0 ms$/m)
  assert.match(text, /^missing CPU time by pod/m)
  assert.match(text, /^measuring took 0\.20 % of one core, and its interrupts, which are not counted$/m)
})

test('what counters alone do not tell is a dash, and no cost of measuring is claimed', () => {
  const paths = report.paths.map(({ path, lane, packets }) => ({ path, lane, packets, stages: [] }))
  const text = profileText({ ...report, source: 'counters', paths })
  assert.match(text, /^vxlan +plain +1000000 +- +- *$/m)
  assert.doesNotMatch(text, /measuring took/)
})
