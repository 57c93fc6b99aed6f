import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { run, testCluster } from '../../test/guard/cluster.ts'
import { setLink } from '../kernel/netlink/link.ts'
import { readSilentPeers } from './silent_peers.ts'

test('a node on the segment that does not answer is named, one that answers is not', async (t) => {
  const { nodes } = testCluster(t)
  const [node, other] = nodes
  const silent = (): readonly string[] => {
    const { uplink, network } = node.reconcile()
    return node.ns.inside(() => readSilentPeers(uplink, network.peers)).map((f) => f.found)
  }
  assert.deepEqual(silent(), [])
  other.ns.route.batch([setLink('eth0', { up: false })])
  // An entry that was good is asked for again only after half a minute: it is made anew here.
  for (const ip of other.addresses) run(node.ns, 'ip', 'neigh', 'del', ip, 'dev', 'eth0')
  for (let i = 0; i < 80 && silent().length === 0; i++) await sleep(100)
  assert.match(silent()[0] ?? '', /^none from /)
})
