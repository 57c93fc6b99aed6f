import assert from 'node:assert/strict'
import { test } from 'node:test'
import { STAGES, type Stage } from '../../schema/stages.ts'
import { CONTEXT } from './function_table.ts'
import { type PathPackets, type PodPackets, pathCosts, podCosts, withOthers } from './path_costs.ts'
import { cellOf, emptyTally, type Tally } from './tally.ts'

const fastDirect: PathPackets = { path: 'direct', lane: 'fast', packets: 300 }
const fastVxlan: PathPackets = { path: 'vxlan', lane: 'fast', packets: 100 }
const plainVxlan: PathPackets = { path: 'vxlan', lane: 'plain', packets: 100 }

function tallyOf(...cells: readonly (readonly [stage: Stage, context: number, ns: number])[]): Tally {
  const tally = emptyTally()
  for (const [stage, context, ns] of cells) {
    tally.cellNs[cellOf(context, STAGES.indexOf(stage))] = ns
    // Each sample stands for 10 ns.
    tally.cellSquares[cellOf(context, STAGES.indexOf(stage))] = ns * 10
  }
  return tally
}

const costs = (tally: Tally, ...packets: PathPackets[]): Readonly<Record<string, number>> =>
  Object.fromEntries(
    pathCosts(tally, packets).map((p) => [`${p.lane} ${p.path}`, Math.round(p.nsPerPacket * p.packets)]),
  )

test('what the stack tells apart goes to the one path, all else by numbers of packets', () => {
  const all = [fastDirect, fastVxlan, plainVxlan]
  assert.deepEqual(costs(tallyOf(['transmit', CONTEXT.vxlan, 1000]), ...all), {
    'fast direct': 0,
    'fast vxlan': 0,
    'plain vxlan': 1000,
  })
  assert.deepEqual(costs(tallyOf(['ebpf', CONTEXT.grown, 1000]), ...all)['fast vxlan'], 1000)
  assert.deepEqual(costs(tallyOf(['veth', CONTEXT.redirected, 1000]), ...all), {
    'fast direct': 750,
    'fast vxlan': 250,
    'plain vxlan': 0,
  })
  assert.deepEqual(costs(tallyOf(['netfilter', 0, 1000]), ...all)['plain vxlan'], 1000)
  assert.deepEqual(costs(tallyOf(['socket', 0, 1000]), ...all), {
    'fast direct': 600,
    'fast vxlan': 200,
    'plain vxlan': 200,
  })
})

test('a tunnel that is none of ours is in no path’s costs, and a path without packets has none', () => {
  const foreign = tallyOf(['encapsulation', CONTEXT.vxlan, 1000], ['socket', 0, 10])
  assert.deepEqual(costs(foreign, fastDirect, { ...plainVxlan, packets: 0 }), { 'fast direct': 10 })
})

test('stages of a path add up to its cost, which lies within its interval', () => {
  const [cost] = pathCosts(tallyOf(['socket', 0, 3000], ['copy', 0, 600], ['ebpf', 0, 900]), [fastDirect])
  assert.equal(cost?.nsPerPacket, 15)
  assert.deepEqual(
    cost.stages.map((s) => [s.stage, s.nsPerPacket]),
    [
      ['socket', 10],
      ['ebpf', 3],
      ['copy', 2],
    ],
  )
  assert.ok(cost.lowNs < 15 && cost.highNs > 15)
})

test('pods share the time of packets by the packets of each lane, and a packet between two pods is of both', () => {
  const here: PathPackets = { path: 'here', lane: 'fast', packets: 100 }
  const paths = pathCosts(tallyOf(['socket', 0, 2000]), [here])
  const pod = (name: string, packets: number) => ({
    name,
    addresses: [],
    bytes: 0,
    packets: { fast: packets, plain: 0 },
  })
  const pods = podCosts([pod('a', 100), pod('b', 100), pod('silent', 0)], paths, 2000)
  assert.deepEqual(
    pods.map((p) => [p.name, p.packets, p.ns, p.share]),
    [
      ['a', 100, 1000, 0.5],
      ['b', 100, 1000, 0.5],
    ],
  )
})

const podWith = (name: string, packets: PodPackets['packets']): PodPackets => ({
  ...{ name, addresses: [], bytes: 0 },
  packets,
})

test('pods’ packets that leave the cluster have a row of their own, and a packet on a path is no dearer for them', () => {
  const pods = [podWith('talker', { fast: 0, plain: 1000 }), podWith('web', { fast: 0, plain: 99_000 })]
  const paths = withOthers([{ ...plainVxlan, packets: 1000 }], pods)
  const tally = tallyOf(['socket', 0, 1e6], ['netfilter', 0, 1e6], ['encapsulation', 0, 2e4])
  const rows = pathCosts(tally, paths)
  assert.deepEqual(
    rows.map((p) => [p.path, p.lane, p.packets, p.nsPerPacket]),
    [
      ['vxlan', 'plain', 1000, 40],
      ['other', 'plain', 99_000, 20],
    ],
  )
  const sum = podCosts(pods, rows, 2.02e6).reduce((n, pod) => n + pod.share, 0)
  assert.ok(Math.abs(sum - 1) < 1e-9, `${sum}`)
})

test('a packet between pods of one node is in both pods’ counts, and none of it is other', () => {
  const here: PathPackets = { path: 'here', lane: 'plain', packets: 50 }
  const pods = [podWith('a', { fast: 7, plain: 50 }), podWith('b', { fast: 7, plain: 53 })]
  assert.deepEqual(withOthers([here], pods), [here, { path: 'other', lane: 'plain', packets: 3 }])
  assert.deepEqual(withOthers([here], pods.slice(1)), [here])
})

test('pods never bear more time than packets took, whenever they were counted', () => {
  const rows = pathCosts(tallyOf(['socket', 0, 3000]), [fastDirect])
  const pods = podCosts(
    [podWith('a', { fast: 250, plain: 0 }), podWith('b', { fast: 150, plain: 0 })],
    rows,
    3000,
  )
  assert.deepEqual(
    pods.map((p) => [p.name, p.ns]),
    [
      ['a', 1875],
      ['b', 1125],
    ],
  )
})
