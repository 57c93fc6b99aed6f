import assert from 'node:assert/strict'
import { readdirSync, readlinkSync } from 'node:fs'
import { test } from 'node:test'
import { must } from '../base/result.ts'
import { expositionText } from '../schema/exposition.ts'
import { isKnown, parseProfileReport } from '../schema/profile_report.ts'
import { ProfileAnswers } from './profile_answer.ts'
import { TrafficCounts } from './profile_traffic.ts'
import type { CountsView } from './status.ts'

/** Above what any kernel allows. */
const REFUSED_HZ = 10_000_000

const nothing: CountsView = { pods: [], peers: [], fastLane: undefined }
const noPackets = new TrafficCounts().look(nothing)

test('where samples are refused the kernel’s own accounts are told, with what is missing and why', async (t) => {
  const answers = new ProfileAnswers({ hz: REFUSED_HZ }, async () => nothing)
  t.after(() => answers.close())
  const { code, body } = await answers.answer(new URLSearchParams({ seconds: '0.3' }))
  assert.equal(code, 200)
  const report = must(parseProfileReport(body, 'the agent'))
  assert.deepEqual([report.source, report.samples, report.hz], ['counters', 0, 0])
  assert.match(
    report.missing[0] ?? '',
    /^samples: cpu-clock of processor 0: wanted .*perf_event_max_sample_rate$/,
  )
  assert.ok(report.missing.some((m) => m.includes('softirqs')))
  assert.ok(report.cpu.busyNs > 0)
  const sum = report.stages.reduce((n, s) => n + s.ns, 0)
  assert.ok(Math.abs(sum - report.packetNs) < 1)
  assert.ok(report.paths.every((p) => !isKnown(p)))
  assert.deepEqual(expositionText(await answers.metrics(noPackets)), '')
})

test('of many questions at once the surplus is refused', async (t) => {
  const answers = new ProfileAnswers('off', async () => nothing)
  t.after(() => answers.close())
  const query = new URLSearchParams({ seconds: '0.2' })
  const codes = await Promise.all(Array.from({ length: 10 }, async () => (await answers.answer(query)).code))
  assert.deepEqual(codes, [200, 200, 200, 200, 200, 200, 200, 200, 429, 429])
  assert.equal((await answers.answer(query)).code, 200)
})

test('questions at the same time share the samples, and each has its own interval', async (t) => {
  const answers = new ProfileAnswers('off', async () => nothing)
  t.after(() => answers.close())
  const ask = async (seconds: string) =>
    must(parseProfileReport((await answers.answer(new URLSearchParams({ seconds }))).body, 'the agent'))
  const [short, long] = await Promise.all([ask('0.3'), ask('0.9')])
  assert.deepEqual([short.source, long.source, short.hz, long.hz], ['samples', 'samples', 997, 997])
  assert.ok(short.samples > 0 && long.samples > short.samples, `${short.samples} and ${long.samples}`)
})

/** Descriptors of this process that the kernel names so. */
const openClocks = (): number =>
  readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).includes('perf_event')
    } catch {
      return false
    }
  }).length

test('a question that fails leaves no raised rate behind', async (t) => {
  let looks = 0
  const answers = new ProfileAnswers('off', async () => {
    if (++looks === 2) throw new Error('the Worker is gone')
    assert.ok(openClocks() > 0)
    return nothing
  })
  t.after(() => answers.close())
  await assert.rejects(answers.answer(new URLSearchParams({ seconds: '0.1' })), /Worker is gone/)
  assert.equal(openClocks(), 0)
})
