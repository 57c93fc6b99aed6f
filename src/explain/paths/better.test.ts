import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type BetterFacts, betterPath } from './better.ts'

const fastDirect: BetterFacts = {
  kind: 'direct',
  lane: 'fast',
  laneWhy: '',
  pathMode: 'auto',
  isOnSegment: true,
  mtuBytes: 1500,
  trueMtuBytes: 1500,
  isBroken: false,
  isDirectWell: true,
}
const fastTunnel: BetterFacts = { ...fastDirect, kind: 'vxlan', mtuBytes: 1450, trueMtuBytes: 1450 }

const cases: readonly (readonly [string, BetterFacts, RegExp])[] = [
  [
    'a plain lane needs the fast one, with its reason',
    { ...fastTunnel, lane: 'plain', laneWhy: 'no tcx' },
    /^the fast lane: no tcx$/,
  ],
  [
    'one of two families in the plain lane too',
    { ...fastDirect, lane: 'mixed', laneWhy: 'x' },
    /^the fast lane: x$/,
  ],
  [
    'a path that lets less through needs its size',
    { ...fastDirect, trueMtuBytes: 1400 },
    /1500 bytes, now 1400/,
  ],
  [
    'a tunnel behind a router needs one segment',
    { ...fastTunnel, isOnSegment: false },
    /^the direct path: both nodes on one segment$/,
  ],
  [
    'and pathMode, where that asks for tunnels',
    { ...fastTunnel, isOnSegment: false, pathMode: 'vxlan' },
    /one segment, and pathMode auto$/,
  ],
  [
    'a tunnel on one segment that the config asks for needs pathMode auto',
    { ...fastTunnel, pathMode: 'vxlan' },
    /pathMode auto; the nodes/,
  ],
  [
    'a tunnel for a family that the nodes have no address of needs that',
    fastTunnel,
    /an address of the pods’ family/,
  ],
  [
    'a tunnel beside a broken segment needs that one mended',
    { ...fastTunnel, isDirectWell: false },
    /both ways first/,
  ],
  ['the fast direct path needs jumbo frames', fastDirect, /^jumbo frames: MTU 9000 .*now 1500$/],
  [
    'with jumbo frames only a bypass is better',
    { ...fastDirect, mtuBytes: 9000, trueMtuBytes: 9000 },
    /AF_XDP, DPDK or RDMA/,
  ],
  [
    'without measurements what is planned counts',
    { ...fastDirect, trueMtuBytes: undefined, isDirectWell: undefined },
    /^jumbo/,
  ],
]

for (const [what, facts, wanted] of cases) test(what, () => assert.match(betterPath(facts), wanted))
