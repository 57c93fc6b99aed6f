import assert from 'node:assert/strict'
import { test } from 'node:test'
import { STAGES, type Stage } from '../../schema/stages.ts'
import { CONTEXT } from './function_table.ts'
import { type PathPackets, pathCosts, podCosts } from './path_costs.ts'
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
