import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cellOf, copyOf, emptyTally, type Tally } from '../observe/profile/tally.ts'
import { STAGES, type Stage } from '../schema/stages.ts'
import { PathCpu } from './path_cpu.ts'
import type { PathTotal } from './path_totals.ts'
import type { PodCounts } from './profile_traffic.ts'

const sent = (path: PathTotal['path'], lane: PathTotal['lane'], packets: number): PathTotal => ({
  ...{ path, lane, packets, direction: 'sent', bytes: 0 },
})
const counted = (...totals: readonly PathTotal[]): PodCounts => ({
  ...{ totals, pods: new Map(), hasPaths: true, hasPods: false },
})
function grown(tally: Tally, stage: Stage, ns: number): Tally {
  const next = copyOf(tally)
  const cell = cellOf(0, STAGES.indexOf(stage))
  next.cellNs[cell] = (next.cellNs[cell] ?? 0) + ns
  return { ...next, samples: tally.samples + 1 }
}

test('without samples there is no metric', () => {
  const cpu = new PathCpu()
  const counts = [counted(sent('direct', 'fast', 1)), counted(sent('direct', 'fast', 9))]
  assert.deepEqual(
    counts.map((now) => cpu.look(emptyTally(), now).samples),
    [[], []],
  )
})

test('what pods exchange with others than pods begins at 0 too', () => {
  const samples = new PathCpu().look(grown(emptyTally(), 'socket', 1), {
    ...counted(),
    hasPods: true,
  }).samples
  assert.deepEqual(samples, [{ labels: { path: 'other', lane: 'plain' }, value: 0 }])
})

test('each look adds its interval’s time to the paths whose packets it was, and nothing falls', () => {
  const cpu = new PathCpu()
  const first = grown(emptyTally(), 'socket', 5e9)
  const begun = counted(sent('direct', 'fast', 1_000), sent('vxlan', 'plain', 1_000))
  assert.deepEqual(
    cpu.look(first, begun).samples.map(({ value }) => value),
    [0, 0],
  )
  const second = grown(grown(first, 'socket', 4e9), 'encapsulation', 1e9)
  const later = counted(sent('direct', 'fast', 4_000), sent('vxlan', 'plain', 2_000))
  const expected = [
    { labels: { path: 'direct', lane: 'fast' }, value: 3 },
    { labels: { path: 'vxlan', lane: 'plain' }, value: 2 },
  ]
  assert.deepEqual(cpu.look(second, later).samples, expected)
  // Nothing was sent: time of nobody's packets is in no path.
  assert.deepEqual(cpu.look(grown(second, 'socket', 1e9), later).samples, expected)
})
