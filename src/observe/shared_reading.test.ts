import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sharedReading } from './shared_reading.ts'

test('who asks during a read shares it, who asks soon after gets its value, and later it is read anew', async () => {
  let [nowMs, reads] = [0, 0]
  const wait = Promise.withResolvers<void>()
  const read = async () => {
    reads++
    await wait.promise
    return reads
  }
  const ask = sharedReading(1000, read, () => nowMs)
  const many = Array.from({ length: 50 }, ask)
  nowMs = 5000
  wait.resolve()
  assert.deepEqual(new Set(await Promise.all(many)), new Set([1]))
  nowMs = 6000
  assert.equal(await ask(), 1)
  nowMs = 6001
  assert.deepEqual(await Promise.all([ask(), ask()]), [2, 2])
})

test('a read that fails is the fault of those who waited for it alone', async () => {
  let reads = 0
  const read = async () => {
    if (++reads === 1) throw new Error('no')
    return reads
  }
  const ask = sharedReading(1000, read, () => 0)
  const both = await Promise.allSettled([ask(), ask()])
  assert.deepEqual([both.map((b) => b.status), await ask()], [['rejected', 'rejected'], 2])
})
