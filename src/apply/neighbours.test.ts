import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testNamespace } from '../../test/namespaces.ts'
import type { IfIndex } from '../base/ifindex.ts'
import { parseIp } from '../base/ip.ts'
import { parseMac } from '../base/mac.ts'
import { must } from '../base/result.ts'
import { addVeth, getLinkByName, parseLink, setLink } from '../kernel/netlink/link.ts'
import { manageNeighbour } from '../kernel/netlink/neighbour.ts'
import { ROUTE_PROTOCOL } from '../plan/ownership.ts'
import { applyNeighbours, readNeighbours } from './neighbours.ts'

const mac = (text: string) => must(parseMac(text))
/** Of ndmsg: where an entry that is counted has no flag. */
const FLAGS_AT = 10

test('a peer’s neighbour that an earlier agent made is written again, so that it counts no longer', (t) => {
  const [node, far] = [testNamespace(t), testNamespace(t)]
  const peer = { name: 'eth0', mac: mac('02:00:0a:00:00:05'), netnsFd: far.fd }
  const veth = { name: 'eth0', mac: mac('02:00:0a:00:00:01'), mtuBytes: 1500, group: 77, peer }
  const [, read] = node.route.batch([addVeth(veth), getLinkByName('eth0')])
  const link = read?.ok ? read.replies[0] : undefined
  const device: IfIndex = parseLink(link ?? assert.fail('no link')).index
  node.route.request(setLink('eth0', { up: true }))
  const ip = must(parseIp('10.0.0.2'))
  const old = manageNeighbour({ device, ip, protocol: ROUTE_PROTOCOL })
  old.body[FLAGS_AT] = 0
  assert.ok(node.route.request(old).ok)
  const apply = () => {
    const have = readNeighbours(node.route)
    const desired = [{ device: 'eth0', ip, mac: undefined }]
    const { changes, faults } = applyNeighbours(node.route, have, desired, () => device, true)
    assert.deepEqual(faults, [])
    return changes.length
  }
  const isLearned = () => readNeighbours(node.route).map((n) => n.managed && n.isLearnedElsewhere)
  assert.deepEqual(isLearned(), [false])
  assert.deepEqual([apply(), isLearned()], [1, [true]])
  assert.equal(apply(), 0)
})
