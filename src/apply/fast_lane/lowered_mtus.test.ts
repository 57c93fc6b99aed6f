import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Lifetime } from '../../../test/namespaces.ts'
import { must } from '../../base/result.ts'
import { createMap, MAP } from '../../kernel/bpf/map.ts'
import { layouts } from './abi.ts'
import { LoweredMtus } from './lowered_mtus.ts'
import { indexKey } from './values.ts'

const MINUTE_MS = 60_000
const BEGIN_MS = 1_800_000_000_000
const spec = {
  name: 'paths',
  type: MAP.ARRAY,
  keySize: 4,
  valueSize: layouts.path.size,
  maxEntries: 8,
  flags: 0,
}

/** Something in every field. */
function pathOf(mtuBytes: number): Buffer {
  const out = Buffer.alloc(layouts.path.size, 7)
  out.writeUInt32LE(mtuBytes, layouts.path.mtu_bytes.at)
  return out
}

function pathsFor(t: Lifetime) {
  const map = must(createMap(spec))
  t.after(() => map.close())
  const lowered = new LoweredMtus(map)
  const planned = new Map([1, 2].map((index) => [index, pathOf(1450)] as const))
  const set = (index: number, mtuBytes: number) => map.update(indexKey(index), pathOf(mtuBytes))
  for (const index of planned.keys()) set(index, 1450)
  return {
    set,
    at: (index: number): number => map.lookup(indexKey(index))?.readUInt32LE(layouts.path.mtu_bytes.at) ?? -1,
    value: (index: number) => map.lookup(indexKey(index)),
    planned,
    look: (minutes: number, plan: ReadonlyMap<number, Buffer> = planned): void =>
      lowered.expire(plan, BEGIN_MS + minutes * MINUTE_MS),
  }
}

test('a lowered MTU is put back ten minutes after it was first seen, and the rest of the path as it is', (t) => {
  const { set, at, value, look } = pathsFor(t)
  look(0)
  set(1, 1200)
  look(1)
  look(6)
  look(10.9)
  assert.deepEqual([at(1), at(2)], [1200, 1450])
  look(11)
  assert.deepEqual(value(1), pathOf(1450))
})

test('one that is lowered again after that has ten minutes of its own', (t) => {
  const { set, at, look } = pathsFor(t)
  set(1, 1200)
  look(0)
  look(10)
  assert.equal(at(1), 1450)
  set(1, 1100)
  look(12)
  look(21)
  assert.equal(at(1), 1100)
  look(22)
  assert.equal(at(1), 1450)
})

test('each path has its own time', (t) => {
  const { set, at, look } = pathsFor(t)
  set(1, 1200)
  look(0)
  set(2, 1300)
  look(5)
  look(10)
  assert.deepEqual([at(1), at(2)], [1450, 1300])
  look(15)
  assert.equal(at(2), 1450)
})

test('what the plan itself makes smaller is no lowered MTU, and stays', (t) => {
  const { set, at, look } = pathsFor(t)
  const smaller = new Map([[1, pathOf(1000)]])
  set(1, 1000)
  look(0, smaller)
  look(20, smaller)
  assert.equal(at(1), 1000)
  set(1, 900)
  look(21, smaller)
  look(31, smaller)
  assert.equal(at(1), 1000, 'put back to what the plan says now')
})

test('a path that was gone meanwhile begins anew', (t) => {
  const { set, at, look } = pathsFor(t)
  set(1, 1200)
  look(0)
  look(5, new Map())
  look(9)
  look(18)
  assert.equal(at(1), 1200)
  look(19)
  assert.equal(at(1), 1450)
})
