import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { must } from '../../base/result.ts'
import { CLASS, CLASS_BITS, FunctionTable } from './function_table.ts'
import { Profiler } from './profiler.ts'
import { startSampler } from './sampler.ts'
import { readSymbolWords } from './symbol_words.ts'

test('samples come from every processor, in kernel and user mode, at the rate that was asked for last', async () => {
  const sampler = must(startSampler(200))
  await sleep(300)
  let stacks = 0
  const slow = must(
    sampler.drain((_, frames, samples) => {
      assert.ok(frames > 0 && frames <= 64)
      stacks += samples
    }),
  ) // prettier-ignore
  // Samples that are taken while it is looked at may be in one number and not yet in the other.
  const told = stacks + slow.user + slow.lost
  assert.ok(told <= slow.samples && told > 0.8 * slow.samples, `${told} of ${slow.samples}`)
  must(sampler.setRate(1999))
  await sleep(300)
  const fast = must(sampler.drain(() => {}))
  const rate = ({ samples, ns }: typeof slow): number => samples / (ns / 1e9)
  assert.ok(rate(fast) > 4 * rate(slow), `${rate(fast)} and ${rate(slow)} a second`)
  assert.ok(fast.programNs > 0)
  sampler.close()
})

test('the kernel’s own functions are found by any address in them', async () => {
  const words = must(await readSymbolWords(new FunctionTable()))
  const sampler = must(startSampler(1999))
  await sleep(200)
  let known = 0
  let all = 0
  must(
    sampler.drain((addresses, frames, samples) => {
      all += samples
      for (let i = 0; i < frames; i++)
        if ((words.wordAt(addresses[i] ?? 0) & CLASS_BITS) !== CLASS.UNKNOWN) {
          known += samples
          return
        }
    }),
  )
  sampler.close()
  assert.ok(known > all / 2, `${known} of ${all}`)
})

test('a raised rate ends with its question, and without a continuous one nothing is sampled then', async () => {
  const profiler = new Profiler(0)
  assert.equal(profiler.hz, 0)
  const [one, two] = [must(await profiler.raise(499)), must(await profiler.raise(997))]
  assert.equal(profiler.hz, 997)
  await two()
  assert.equal(profiler.hz, 499)
  await one()
  assert.equal(profiler.hz, 0)
  assert.ok((await profiler.look()).ns > 0)
  profiler.close()
})

test('a rate above what the kernel allows is a fault, and nothing is left running', () => {
  const started = startSampler(10_000_000)
  assert.ok(!started.ok)
  assert.match(started.error.next, /perf_event_max_sample_rate/)
})

test('a rate that the kernel refuses leaves the profile as it was', async () => {
  const profiler = new Profiler(49)
  const refused = await profiler.raise(100_000_000)
  assert.match(refused.ok ? 'taken' : refused.error.wanted, /100000000 ticks/)
  assert.deepEqual([profiler.hz, profiler.fault], [49, undefined])
  const end = must(await profiler.raise(499))
  assert.equal(profiler.hz, 499)
  await end()
  assert.equal(profiler.hz, 49)
  profiler.close()
})

test('without a continuous rate a refused question does not spoil the next', async () => {
  const profiler = new Profiler(0)
  assert.equal((await profiler.raise(100_000_000)).ok, false)
  assert.ok(profiler.fault)
  const end = must(await profiler.raise(499))
  assert.equal(profiler.fault, undefined)
  await end()
  profiler.close()
})

test('a question that outlives the profile starts no samples again', async () => {
  const profiler = new Profiler(49)
  const end = must(await profiler.raise(499))
  profiler.close()
  await end()
  assert.equal(profiler.hz, 0)
  assert.equal((await profiler.raise(499)).ok, false)
  assert.equal(profiler.hz, 0)
})
