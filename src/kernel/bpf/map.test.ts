import assert from 'node:assert/strict'
import { test } from 'node:test'
import { must } from '../../base/result.ts'
import { sumPerCpu } from './cpus.ts'
import { createMap, MAP, UPDATE } from './map.ts'
import { RingBuffer } from './ring_buffer.ts'
import { runOnPacket } from './test_run.ts'
import { FRAME, foundInstead, loadCounter, u32, u64 } from './testing/counter.ts'

test('every map kind is written and read in batches, or one by one where the kernel cannot', (t) => {
  for (const type of [MAP.HASH, MAP.LRU_HASH, MAP.LPM_TRIE, MAP.ARRAY]) {
    const [keySize, flags] = type === MAP.LPM_TRIE ? [8, 1] : [4, 0]
    const map = must(createMap({ name: 'batch', type, keySize, valueSize: 8, maxEntries: 5000, flags }))
    t.after(() => map.close())
    const key = (i: number) => (type === MAP.LPM_TRIE ? Buffer.concat([u32(32), u32(i)]) : u32(i))
    must(map.updateBatch(Array.from({ length: 3000 }, (_, i) => [key(i), u64(BigInt(i))] as const)))
    const read = new Map(
      [...map.entries()].map(([k, v]) => [k.readUInt32LE(keySize - 4), v.readBigUInt64LE()]),
    )
    const there = type === MAP.ARRAY ? 5000 : 3000
    // An LRU map may give up some before it is full.
    assert.ok(type === MAP.LRU_HASH ? read.size > 2500 : read.size === there, `${type}: ${read.size}`)
    for (const [k, v] of read) assert.equal(v, k < 3000 ? BigInt(k) : 0n)
  }
})

test('of an array as many values are read as are asked for, each with its bounds', (t) => {
  for (const type of [MAP.ARRAY, MAP.PERCPU_ARRAY]) {
    const map = must(createMap({ name: 'array', type, keySize: 4, valueSize: 8, maxEntries: 3000, flags: 0 }))
    t.after(() => map.close())
    const value = (i: number): Buffer => Buffer.concat(Array(map.valueBytes / 8).fill(u64(BigInt(i) << 32n)))
    for (let i = 0; i < 3000; i++) must(map.update(u32(i), value(i)))
    for (const count of [0, 1, 1024, 1025, 3000, 4000]) {
      const read = map.readArray(count, (bytes, from, to) => sumPerCpu(bytes, 8, from, to))
      const cpus = map.valueBytes / 8
      const there = Array.from({ length: Math.min(count, 3000) }, (_, i) => i * cpus * 2 ** 32)
      assert.deepEqual(read, there, `${count} of type ${type}`)
    }
  }
})

test('an entry is added once only if so wanted, deleted once, and a full map is a fault', (t) => {
  const map = must(
    createMap({ name: 'two', type: MAP.HASH, keySize: 4, valueSize: 4, maxEntries: 2, flags: 0 }),
  )
  t.after(() => map.close())
  assert.equal([...map.entries()].length, 0)
  assert.ok(map.update(u32(1), u32(1), UPDATE.NOEXIST).ok)
  const again = map.update(u32(1), u32(2), UPDATE.NOEXIST)
  assert.match(again.ok ? '' : again.error.found, /EEXIST/)
  assert.ok(map.update(u32(2), u32(2)).ok)
  assert.match(foundInstead(map.update(u32(3), u32(3))), /E2BIG/)
  assert.equal(map.delete(u32(1)), true)
  assert.equal(map.delete(u32(1)), false)
  assert.throws(() => map.lookup(Buffer.alloc(8)), /a key has 4 bytes, not 8/)
})
test('records of a ring buffer arrive on the event loop, in order, over its end too', async (t) => {
  const loaded = loadCounter(t)
  const program = loaded.program('count_one')
  const got: bigint[] = []
  let arrived: () => void = () => undefined
  const ring = new RingBuffer(loaded.map('events'), (record) => {
    got.push(record.readBigUInt64LE())
    if (got.length % 200 === 0) arrived()
  })
  t.after(() => ring.close())
  // 256 records fill it: three rounds go over its end.
  for (let round = 0; round < 3; round++) {
    const all = new Promise<void>((resolve) => {
      arrived = resolve
    })
    must(runOnPacket(program.fd, { packet: FRAME, repeat: 200 }))
    await all
  }
  assert.deepEqual(
    got,
    Array.from({ length: 600 }, (_, i) => BigInt(i + 1)),
  )
})
