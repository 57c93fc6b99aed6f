import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Lifetime } from '../../../test/namespaces.ts'
import type { IfIndex } from '../../base/ifindex.ts'
import { must } from '../../base/result.ts'
import { createMap } from '../../kernel/bpf/map.ts'
import { LINK_PLACES, LINK_SETS, POD_SLOTS } from './abi.ts'
import { readPodCount } from './counts.ts'
import { LinkTable } from './links.ts'
import { mapSpecs, readObjects } from './programs.ts'
import { NO_SLOT, Slots } from './slots.ts'
import { indexKey } from './values.ts'

const link = (n: number): IfIndex => (100 + n) as IfIndex
const MOST = POD_SLOTS - 1

function rows(t: Lifetime) {
  const specs = new Map(mapSpecs(must(readObjects({}))).map((s) => [s.name, s]))
  const make = (name: string) => {
    const map = must(createMap(specs.get(name) ?? assert.fail(name)))
    t.after(() => map.close())
    return map
  }
  const [links, counts] = [make('links'), make('pod_counts')]
  return { counts, links: () => new LinkTable(links), open: () => new Slots(new LinkTable(links), counts) }
}

test('each pod has a row of its own; beyond what there are, none; a row that becomes free is the last to be given', (t) => {
  const slots = rows(t).open()
  const taken = Array.from({ length: MOST }, (_, n) => slots.take(link(n)))
  assert.equal(new Set(taken).size, MOST)
  assert.ok(!taken.includes(NO_SLOT))
  assert.equal(slots.take(link(MOST)), NO_SLOT)
  assert.equal(slots.of(link(MOST)), undefined)
  slots.give(link(7))
  slots.give(link(3))
  assert.deepEqual([slots.take(link(MOST)), slots.take(link(MOST + 1))], [taken[7], taken[3]])
  assert.equal(slots.take(link(MOST)), taken[7], 'the same again')
})

test('a restart finds each pod’s row with what was counted, and gives no other pod the same', (t) => {
  const { open, counts } = rows(t)
  const before = open()
  const first = before.take(link(0))
  before.take(link(1))
  before.know({ uplink: { index: link(50) }, tunnel: link(51), endpoints: [] }, false)
  counts.update(indexKey(first), Buffer.alloc(counts.valueBytes, 1))
  const after = open()
  assert.equal(after.take(link(0)), first)
  assert.ok(readPodCount(counts, first).sent.here.fast.packets > 0)
  assert.ok(![first, before.of(link(1))].includes(after.take(link(2))))
})

test('a row that is given again was zeroed before', (t) => {
  const { open, counts } = rows(t)
  const slots = open()
  for (let n = 0; n < MOST; n++) slots.take(link(n))
  const slot = slots.of(link(5)) ?? assert.fail()
  counts.update(indexKey(slot), Buffer.alloc(counts.valueBytes, 1))
  slots.give(link(5))
  assert.equal(slots.take(link(MOST)), slot)
  assert.equal(
    counts.lookup(indexKey(slot))?.some((byte) => byte !== 0),
    false,
  )
})

test('devices that are gone are forgotten when all inputs are known, pods that wait for nobody too', (t) => {
  const { open, links } = rows(t)
  const slots = open()
  const known = () =>
    links()
      .slots()
      .map(([index]) => index)
      .sort((a, b) => a - b)
  for (const n of [0, 1]) slots.take(link(n))
  slots.know({ uplink: { index: link(50) }, tunnel: link(51), endpoints: [] }, false)
  assert.deepEqual(known(), [100, 101, 150, 151])
  slots.know(
    { uplink: { index: link(60) }, tunnel: undefined, endpoints: [{ link: { index: link(1) } }] },
    true,
  )
  assert.deepEqual(known(), [101, 160])
  assert.equal(slots.of(link(0)), undefined)
})

test('of pods whose links’ indexes end alike, as many are counted as a set has places; one that leaves makes room', (t) => {
  const { open } = rows(t)
  const slots = open()
  const alike = (n: number): IfIndex => (100 + n * LINK_SETS) as IfIndex
  const taken = Array.from({ length: LINK_PLACES + 1 }, (_, n) => slots.take(alike(n)))
  assert.deepEqual(taken, [1, 2, 3, 4, NO_SLOT])
  slots.give(alike(1))
  assert.deepEqual([slots.take(alike(LINK_PLACES)), slots.of(alike(2))], [5, 3])
  const again = open()
  assert.deepEqual(
    [0, 1, 2, 3, 4].map((n) => again.of(alike(n))),
    [1, undefined, 3, 4, 5],
  )
})
