import assert from 'node:assert/strict'
import { test } from 'node:test'
import { samplePeers } from './testing/sample_facts.ts'
import { groupPeers, MOST_GROUPS } from './topology_groups.ts'

const uplink = { name: 'eth0', mtuBytes: 1500, addresses: ['10.90.1.11/24', 'fd00:90:1::11/64'] }
const shown = (peers: ReturnType<typeof samplePeers>, own: typeof uplink | null = uplink) =>
  groupPeers({ peers, uplink: own }).map((g) => `${g.path} ${g.segment} ${g.peers.length}`)

test('peers with one kind of path in one segment are one group, direct ones first, then the largest', () => {
  assert.deepEqual(shown(samplePeers(7, 3)), [
    'direct 10.90.1.0/24 3',
    'vxlan 10.90.2.0/24 2',
    'vxlan 10.90.3.0/24 2',
  ])
})

test('a segment is as wide as the uplink’s own range of that family', () => {
  const peers = samplePeers(6, 3)
  const [first] = peers
  assert.ok(first)
  const six = { ...first, name: 'six', address: 'fd00:90:1::12' }
  assert.deepEqual(shown([...peers, six], { ...uplink, addresses: ['10.90.1.11/16'] }), [
    'direct 10.90.0.0/16 2',
    'direct fd00:90:1::/64 1',
    'vxlan 10.90.0.0/16 4',
  ])
})

test('of many segments the smallest become one group, and no peer is lost', () => {
  const groups = groupPeers({ peers: samplePeers(1000, 60), uplink })
  assert.ok(groups.length <= MOST_GROUPS)
  assert.equal(
    groups.reduce((sum, g) => sum + g.peers.length, 0),
    1000,
  )
  assert.match(groups.map((g) => g.segment).join(), /smaller segments/)
})

test('a node without uplink and peers without a path are groups too', () => {
  const peers = samplePeers(2, 1).map((p) => ({ ...p, path: 'none' as const }))
  assert.deepEqual(shown(peers, null), ['none 10.90.1.0/24 2'])
})
