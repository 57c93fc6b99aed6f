import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Lifetime } from '../../../test/namespaces.ts'
import { parseCidr } from '../../base/cidr.ts'
import { parseIp } from '../../base/ip.ts'
import { must } from '../../base/result.ts'
import { createMap, MAP, MAP_FLAG } from '../../kernel/bpf/map.ts'
import { BUCKETS } from './abi.ts'
import { mapEpochs } from './epochs.ts'
import { addressKey, bucketOf, indexKey } from './values.ts'

const ip = (text: string) => must(parseIp(text))
const spec = {
  name: 'epochs',
  type: MAP.ARRAY,
  keySize: 4,
  valueSize: 4,
  maxEntries: BUCKETS,
  flags: MAP_FLAG.MMAPABLE,
}

function epochsFor(t: Lifetime) {
  const map = must(createMap(spec))
  t.after(() => map.close())
  const at = (bucket: number): number => map.lookup(indexKey(bucket))?.readUInt32LE(0) ?? -1
  const epochs = mapEpochs(map)
  const first = Array.from({ length: BUCKETS }, (_, i) => at(i))
  /** How often since. */
  const times = (bucket: number): number => at(bucket) - (first[bucket] ?? 0)
  const raised = (): number[] => first.map((_, i) => i).filter((i) => times(i) !== 0)
  return { epochs, at, times, raised, map }
}
const bucket = (text: string): number => bucketOf(addressKey(ip(text)))

test('a raised address changes its own bucket, which the programs see at once', (t) => {
  const { epochs, times, raised } = epochsFor(t)
  epochs.raise([ip('10.244.1.2'), ip('fd00::2')])
  epochs.raise([ip('10.244.1.2')])
  assert.deepEqual(
    raised(),
    [bucket('10.244.1.2'), bucket('fd00::2')].sort((a, b) => a - b),
  )
  assert.equal(times(bucket('10.244.1.2')), 2)
})

test('a raised range changes the bucket of each of its addresses', (t) => {
  const { epochs, raised } = epochsFor(t)
  epochs.raiseRange(must(parseCidr('10.244.1.0/28')))
  const wanted = new Set(Array.from({ length: 16 }, (_, i) => bucket(`10.244.1.${i}`)))
  assert.deepEqual(new Set(raised()), wanted)
})

test('a range larger than there are buckets raises them all', (t) => {
  for (const range of ['10.0.0.0/8', 'fd00::/64']) {
    const { epochs, raised } = epochsFor(t)
    epochs.raiseRange(must(parseCidr(range)))
    assert.equal(raised().length, BUCKETS)
  }
})

test('epochs outlive their opener', (t) => {
  const { epochs, map, times, raised } = epochsFor(t)
  epochs.raise([ip('10.244.1.2')])
  mapEpochs(map).raise([ip('10.244.1.2')])
  assert.equal(times(bucket('10.244.1.2')), 2)
  assert.deepEqual(raised(), [bucket('10.244.1.2')])
})

test('a fresh map does not begin at zero, nor where the one before began', (t) => {
  const beginnings = [0, 1, 2].map(() => {
    const { at } = epochsFor(t)
    const all = new Set(Array.from({ length: BUCKETS }, (_, i) => at(i)))
    assert.equal(all.size, 1)
    return at(0)
  })
  assert.ok(!beginnings.includes(0))
  assert.ok(new Set(beginnings).size > 1, `all began at ${beginnings[0]}`)
})

test('an old map goes on, whatever single bucket has been raised in it', (t) => {
  const map = must(createMap(spec))
  t.after(() => map.close())
  const one = Buffer.alloc(4)
  one.writeUInt32LE(1)
  map.update(indexKey(5), one)
  mapEpochs(map)
  assert.deepEqual(map.lookup(indexKey(5)), one)
  assert.deepEqual(map.lookup(indexKey(6)), Buffer.alloc(4))
})

test('neighbouring addresses have different buckets', () => {
  const four = Array.from({ length: 254 }, (_, i) => bucket(`10.244.1.${i + 1}`))
  const six = Array.from({ length: 254 }, (_, i) => bucket(`fd00:1::${(i + 1).toString(16)}`))
  for (const buckets of [four, six]) assert.ok(new Set(buckets).size > 230, `${new Set(buckets).size} of 254`)
})
