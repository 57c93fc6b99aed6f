import assert from 'node:assert/strict'
import { test } from 'node:test'
import { profileReport } from './report.ts'
import { Batch, copyOf, emptyTally, MANY_OTHERS, since, type Tally } from './tally.ts'

const drained = { ns: 1e9, sampleNs: 1e7, samples: 100, user: 20, lost: 0, programNs: 500 }
const packet = (stage: 'socket' | 'other') =>
  ({ kind: 'packet', stage, context: 0, unknownFrame: stage === 'other' ? 0 : -1 }) as const

function filled(): Tally {
  const tally = emptyTally()
  const batch = new Batch()
  batch.add(packet('socket'), 30, 0)
  batch.add(packet('other'), 10, 0xabc)
  batch.add({ kind: 'elsewhere' }, 15, 0)
  batch.add({ kind: 'idle' }, 25, 0)
  batch.addTo(tally, drained, 250)
  return tally
}

const reportOf = (tally: Tally) =>
  profileReport({
    ...{ seconds: 1, cpus: 1, hz: 100, tally, missing: [], others: [] },
    cpu: { busyNs: 0, idleNs: 0, userNs: 0, softirqNs: 0 },
    traffic: { paths: [], pods: [] },
  })

test('each sample stands for the clock’s period, and what is left of the processors’ time is idle', () => {
  const tally = filled()
  assert.deepEqual([tally.userNs, tally.idleNs, tally.elsewhereNs].map(Math.round), [2e8, 2.5e8, 1.5e8])
  assert.deepEqual([...tally.others], [[0xabc, 1e8]])
  const report = reportOf(tally)
  assert.equal(Math.round(report.packetNs), 4e8)
  assert.equal(report.own.ns, 750)
})

test('an idle processor that is sampled at some ticks only makes nothing dearer', () => {
  const tally = emptyTally()
  const batch = new Batch()
  batch.add(packet('socket'), 10, 0)
  batch.add({ kind: 'idle' }, 40, 0)
  batch.addTo(tally, { ...drained, samples: 50, user: 0 }, 0)
  assert.deepEqual([reportOf(tally).packetNs, tally.idleNs].map(Math.round), [1e8, 9e8])
})

test('kernel stacks that found no room are taken to be as the others, and the report says how many they were', () => {
  const tally = emptyTally()
  const batch = new Batch()
  batch.add(packet('socket'), 40, 0)
  batch.add({ kind: 'idle' }, 20, 0)
  batch.addTo(tally, { ...drained, lost: 20 }, 0)
  const report = reportOf(tally)
  assert.equal(Math.round(report.packetNs + tally.idleNs + tally.userNs), 1e9)
  assert.match(report.missing.join(), /^20 of 100 samples/)
})

test('a stage that was not met may have cost some samples’ time: its interval says so', () => {
  const stage = reportOf(filled()).stages.find((s) => s.stage === 'encryption') ?? assert.fail()
  assert.deepEqual([stage.ns, stage.lowNs], [0, 0])
  assert.ok(stage.highNs > 3e7 && stage.highNs < 4e7)
})

test('between two copies lies what came in between', () => {
  const tally = filled()
  const before = copyOf(tally)
  const batch = new Batch()
  batch.add(packet('socket'), 80, 0)
  batch.addTo(tally, drained, 0)
  const report = reportOf(since(tally, before))
  assert.equal(report.samples, 100)
  assert.equal(Math.round(report.packetNs), 8e8)
})

function metOthers(tally: Tally, from: number, to: number, samples = 1): void {
  const batch = new Batch()
  for (let i = from; i < to; i++) batch.add(packet('other'), samples, i)
  batch.addTo(tally, { ...drained, samples: (to - from) * samples, user: 0 }, 0)
}

test('unknown functions are told apart up to a bound, and no time of theirs is lost', () => {
  const [tally, before] = [emptyTally(), emptyTally()]
  metOthers(tally, 1, 1001)
  assert.equal(tally.others.size, 256)
  const { others } = since(tally, before)
  assert.equal(Math.round((others.get(MANY_OTHERS) ?? 0) / drained.sampleNs), 744)
})

test('what comes up after an hour of other functions is named, and nothing is of before', () => {
  const tally = emptyTally()
  metOthers(tally, 1, 1001, 50)
  const before = copyOf(tally)
  metOthers(tally, 5000, 5010, 3)
  assert.deepEqual(
    [...since(tally, before).others].map(([address, ns]) => [address, Math.round(ns / drained.sampleNs)]),
    Array.from({ length: 10 }, (_, i) => [5000 + i, 3]),
  )
})
