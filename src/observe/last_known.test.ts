import assert from 'node:assert/strict'
import { test } from 'node:test'
import { lastKnown } from './last_known.ts'

test('questions during a read make no other read, and an old value is given while a new one is read', async () => {
  let nowMs = 0
  const reads: PromiseWithResolvers<string>[] = []
  const known = lastKnown(
    10,
    () => {
      const read = Promise.withResolvers<string>()
      reads.push(read)
      return read.promise
    },
    { nowMs: () => nowMs },
  )
  const first = [known(), known()]
  assert.equal(reads.length, 1)
  reads[0]?.resolve('one')
  assert.deepEqual(await Promise.all(first), ['one', 'one'])
  nowMs = 10
  assert.deepEqual([await known(), reads.length], ['one', 1])
  nowMs = 11
  assert.deepEqual([await known(), await known(), reads.length], ['one', 'one', 2])
  reads[1]?.resolve('two')
  await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual([await known(), reads.length], ['two', 2])
})

test('a read that fails leaves the last value, and the next one is tried when its time has come', async () => {
  let nowMs = 0
  let reads = 0
  const known = lastKnown(
    10,
    async () => {
      if (++reads === 2) throw new Error('no')
      return reads
    },
    { nowMs: () => nowMs },
  )
  assert.equal(await known(), 1)
  nowMs = 11
  assert.equal(await known(), 1)
  await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual([await known(), reads], [1, 2])
  nowMs = 22
  await known()
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(await known(), 3)
})
