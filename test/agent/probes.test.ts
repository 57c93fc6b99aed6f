import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { PathReport } from '../../src/schema/paths_report.ts'
import { testNamespace } from '../namespaces.ts'
import { run } from './dump.ts'
import { nodeA, nodeB } from './fixtures.ts'
import { join2, type NodeFact } from './node_bench.ts'
import {
  filter,
  type Pair,
  passing,
  pathBecomes,
  pathOf,
  peerOf,
  probedPair,
  unfilter,
  wireBySwitch,
} from './probed.ts'
import { until } from './until.ts'

const KINDS = ['direct', 'vxlan'] as const

/** They mostly wait for probes, each with nodes of its own. */
describe('what probes find', { concurrency: 3 }, () => {
  test('round trip, loss, full MTU, checksums and large segments are measured on the direct path and in the tunnel', async (t) => {
    const { a, b } = await probedPair(t)
    for (const node of [a, b])
      for (const kind of KINDS) {
        const path = await pathBecomes(
          `${kind} is well`,
          node,
          kind,
          (p) =>
            p.reach === 'both' && p.checksum === 'ok' && p.large === 'ok' && p.trueMtuBytes === p.mtuBytes,
        )
        assert.equal(path.mtuBytes, kind === 'direct' ? 1500 : 1450)
        assert.equal(path.loss, 0)
        assert.ok(path.rttUs && path.rttUs.p50 > 0 && path.rttUs.p50 <= path.rttUs.p99, JSON.stringify(path))
      }
    assert.deepEqual((await peerOf(a)).faults, [])
  })

  test('where a tunnel stands for another node, the way through it to one on the segment is measured too', async (t) => {
    const ipv4 = ({ name, addresses }: NodeFact, podCIDR: string): NodeFact => ({
      ...{ name, addresses, podCIDRs: [podCIDR] },
    })
    const far = { name: 'c', addresses: ['198.51.100.3'], podCIDRs: ['10.244.3.0/24'] }
    const nodes = [ipv4(nodeA, '10.244.1.0/24'), ipv4(nodeB, '10.244.2.0/24'), far]
    const { a } = await probedPair(t, {}, undefined, nodes)
    const isWell = (p: PathReport): boolean =>
      p.reach === 'both' && p.checksum === 'ok' && p.large === 'ok' && p.trueMtuBytes === p.mtuBytes
    assert.equal((await pathBecomes('direct is well', a, 'direct', isWell)).inUse, true)
    const tunnel = await pathBecomes('the tunnel is well', a, 'vxlan', isWell)
    assert.deepEqual([tunnel.inUse, tunnel.better], [false, undefined])
  })

  test('between nodes with IPv6 addresses alone both paths are measured', async (t) => {
    const ipv6 = (name: string, n: number): NodeFact => ({
      ...{ name, addresses: [`2001:db8::${n}`], podCIDRs: [`10.244.${n}.0/24`, `fd00:${n}::/64`] },
    })
    const wire = ({ a, b }: Pair): void => join2(a.ns, b.ns, { a: ['2001:db8::1/64'], b: ['2001:db8::2/64'] })
    const { a } = await probedPair(t, {}, wire, [ipv6('a', 1), ipv6('b', 2)])
    for (const [kind, mtuBytes] of [
      ['direct', 1500],
      ['vxlan', 1430],
    ] as const)
      await pathBecomes(
        `${kind} is well`,
        a,
        kind,
        (p) => p.reach === 'both' && p.checksum === 'ok' && p.large === 'ok' && p.trueMtuBytes === mtuBytes,
      )
  })

  test('a switch that drops larger packets in silence is found to the byte, on both paths, and so is its end', async (t) => {
    const middle = testNamespace(t)
    const { a } = await probedPair(t, {}, wireBySwitch(middle, 1400))
    const truth = await passing(t, a.ns, '192.0.2.2', 1390, 1410)
    await pathBecomes('the direct path’s is found', a, 'direct', (p) => p.trueMtuBytes === truth)
    await pathBecomes('the tunnel’s is found', a, 'vxlan', (p) => p.trueMtuBytes === truth - 50)
    const { faults } = await peerOf(a)
    assert.deepEqual(faults, [
      `direct: packets of more than ${truth} bytes vanish, 1500 are planned`,
      `vxlan: packets of more than ${truth - 50} bytes vanish, 1450 are planned`,
    ])
    for (const port of ['to-a', 'to-b']) run(middle, 'ip', 'link', 'set', port, 'mtu', '1500')
    await pathBecomes('all passes again', a, 'direct', (p) => p.trueMtuBytes === 1500, 60_000)
  })

  test('an MTU that falls in the midst is found within ten seconds', async (t) => {
    const middle = testNamespace(t)
    const { a } = await probedPair(t, {}, wireBySwitch(middle, 1500))
    await pathBecomes('all passes', a, 'direct', (p) => p.trueMtuBytes === 1500)
    for (const port of ['to-a', 'to-b']) run(middle, 'ip', 'link', 'set', port, 'mtu', '1300')
    const truth = await passing(t, a.ns, '192.0.2.2', 1298, 1304)
    await pathBecomes('it is found', a, 'direct', (p) => p.trueMtuBytes === truth)
  })

  test('what a host drops of the direct path’s probes is measured there, and not in the tunnel', async (t) => {
    const { a, b } = await probedPair(t, {}, (pair) => {
      wireBySwitch(testNamespace(t), 1500)(pair)
      filter(pair.b.ns, 'eth0', 'udp dport 9475 numgen random mod 10 < 3 drop')
    })
    await until('it is told', async () => (await peerOf(a)).faults.some((f) => f.includes('lost')), 30_000)
    // Some sixty probes: three of ten, give or take three times the deviation.
    await sleep(20_000)
    const { loss = 0 } = await pathOf(a, 'direct')
    assert.ok(loss > 0.12 && loss < 0.48, `${loss}`)
    assert.equal((await pathBecomes('the tunnel', a, 'vxlan', (p) => p.reach === 'both')).loss, 0)
    assert.match((await peerOf(a)).faults.join(), /^direct: \d+ % of probes are lost$/)
    unfilter(b.ns)
  })

  test('where one way is dropped each end names the right one, and the tunnel beside it is well', async (t) => {
    const { a, b } = await probedPair(t)
    for (const node of [a, b]) await pathBecomes('it works', node, 'direct', (p) => p.reach === 'both')
    filter(b.ns, 'eth0', 'udp dport 9475 drop')
    await pathBecomes('a is heard no more', a, 'direct', (p) => p.reach === 'in-only')
    await pathBecomes('b hears a no more', b, 'direct', (p) => p.reach === 'out-only')
    assert.deepEqual((await peerOf(a)).faults, [
      'direct: what the peer sends comes here, nothing of this node arrives',
    ])
    await pathBecomes('the tunnel is well', a, 'vxlan', (p) => p.reach === 'both')
    unfilter(b.ns)
    for (const node of [a, b]) await pathBecomes('it works again', node, 'direct', (p) => p.reach === 'both')
  })

  test('a tunnel that breaks checksums is named, while what goes without one still arrives', async (t) => {
    const { a, b } = await probedPair(t)
    await pathBecomes('it works', a, 'vxlan', (p) => p.checksum === 'ok')
    // Else no checksum would be written at all between namespaces.
    run(a.ns, 'ethtool', '-K', 'podlane-vxlan', 'tx', 'off')
    // The inner packet's, behind outer UDP, VXLAN, Ethernet and IPv6.
    filter(b.ns, 'eth0', 'udp dport 4789 @th,576,16 9475 @th,608,16 != 0 @th,608,16 set 0x1234')
    const path = await pathBecomes('it is found', a, 'vxlan', (p) => p.checksum === 'broken')
    assert.equal(path.reach, 'both')
    assert.deepEqual((await peerOf(a)).faults, ['vxlan: packets arrive with wrong checksums and are dropped'])
    unfilter(b.ns)
    await pathBecomes('it is over', a, 'vxlan', (p) => p.checksum === 'ok')
  })

  test('changed bytes that no checksum shows are found by the probe’s own sum', async (t) => {
    const { a, b } = await probedPair(t)
    await pathBecomes('it works', a, 'direct', (p) => p.checksum === 'ok')
    filter(b.ns, 'eth0', 'udp dport 9475 @th,544,32 set 0xdeadbeef')
    await pathBecomes('it is found', a, 'direct', (p) => p.checksum === 'broken')
  })

  test('large segments that are lost whole are told from a small MTU', async (t) => {
    const { a, b } = await probedPair(t)
    await pathBecomes('it works', a, 'direct', (p) => p.large === 'ok' && p.trueMtuBytes === 1500)
    filter(b.ns, 'eth0', 'udp dport 9475 meta length > 1600 drop')
    const path = await pathBecomes('it is found', a, 'direct', (p) => p.large === 'broken')
    assert.equal(path.trueMtuBytes, 1500)
  })

  test('an agent that ends says so: its silence is no fault', async (t) => {
    const { a, b } = await probedPair(t)
    await pathBecomes('it works', a, 'direct', (p) => p.reach === 'both')
    b.agent.signal('SIGTERM')
    await b.agent.ended
    await pathBecomes('it is known', a, 'direct', (p) => p.reach === 'unknown')
    assert.deepEqual((await peerOf(a)).faults, [])
  })

  test('a wall clock that is set back by an hour changes nothing: what breaks is found, and what is well again', async (t) => {
    process.env.PODLANE_TEST_HEALTH = '1'
    const { a, b } = await probedPair(t)
    const isWell = (p: PathReport): boolean => p.reach === 'both'
    await pathBecomes('it is well', a, 'direct', isWell)
    a.agent.tell(JSON.stringify({ setClockMs: -3_600_000 }))
    filter(b.ns, 'eth0', 'udp dport 9475 drop')
    await pathBecomes('silence is seen', a, 'direct', (p) => p.reach !== 'both' && p.reach !== 'unknown')
    unfilter(b.ns)
    await pathBecomes('it is well again', a, 'direct', isWell)
  })

  test('an agent that ends says farewell, so that its silence is not called a broken path', async (t) => {
    const { a, b } = await probedPair(t)
    for (const kind of KINDS) await pathBecomes('it is well', a, kind, (p) => p.reach === 'both')
    b.agent.signal('SIGTERM')
    for (const kind of KINDS) await pathBecomes('nothing is known', a, kind, (p) => p.reach === 'unknown')
    // Longer than silence is chance.
    await sleep(5_000)
    for (const kind of KINDS) assert.equal((await pathOf(a, kind)).reach, 'unknown')
  })
})
