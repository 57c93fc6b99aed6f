import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { createFirewall } from '../src/apply/firewall.ts'
import { NodeKernel } from '../src/apply/node.ts'
import { parseCidr } from '../src/base/cidr.ts'
import { type Ip, parseIp } from '../src/base/ip.ts'
import { parseMac } from '../src/base/mac.ts'
import { must } from '../src/base/result.ts'
import { addAddress } from '../src/kernel/netlink/address.ts'
import { addVeth, getLinkByName, parseLink, setLink } from '../src/kernel/netlink/link.ts'
import { podMac } from '../src/plan/pod_link.ts'
import { parseConfig } from '../src/schema/config.ts'
import { type TestNamespace, testNamespace } from './namespaces.ts'

const ip = (t: string): Ip => must(parseIp(t))
const config = must(parseConfig('', 'test'))

function uplink(node: TestNamespace, other: TestNamespace): void {
  const mac = (t: string) => must(parseMac(t))
  node.route.batch([
    addVeth({
      name: 'eth0',
      mac: mac('02:00:00:00:01:01'),
      mtuBytes: 1500,
      group: 0,
      peer: { name: 'eth0', mac: mac('02:00:00:00:01:02'), netnsFd: other.fd },
    }),
  ])
  for (const [ns, address] of [
    [node, '192.0.2.1'],
    [other, '192.0.2.2'],
  ] as const) {
    const read = ns.route.request(getLinkByName('eth0'))
    assert.ok(read.ok)
    const { index } = parseLink(read.replies[0] ?? assert.fail())
    ns.route.batch([setLink(index, { up: true }), addAddress({ index, ip: ip(address), prefixLength: 24 })])
  }
}

const owner = (n: number) => ({
  containerId: `c${n}`,
  ifName: 'eth0',
  network: 'podlane',
  podUid: `u${n}`,
  podMac: podMac([ip(`10.244.1.${n}`)]),
  addresses: [ip(`10.244.1.${n}`), ip(`fd00:1::${n}`)],
})

const run = (ns: TestNamespace, ...argv: string[]): string =>
  execFileSync('nsenter', [`--net=${ns.path}`, ...argv], { encoding: 'utf8' })

test('two pods of a node reach each other; a second reconcile and a restart change nothing', (t) => {
  const node = testNamespace(t)
  const router = testNamespace(t)
  uplink(node, router)
  const pods = [testNamespace(t), testNamespace(t)] as const
  const nodes = [
    {
      name: 'a',
      addresses: [ip('192.0.2.1')],
      podCidrs: ['10.244.1.0/24', 'fd00:1::/64'].map((c) => must(parseCidr(c))),
      complaints: [],
    },
    {
      name: 'b',
      addresses: [ip('192.0.2.2')],
      podCidrs: ['10.244.2.0/24', 'fd00:2::/64'].map((c) => must(parseCidr(c))),
      complaints: [],
    },
    {
      name: 'c',
      addresses: [ip('198.51.100.2')],
      podCidrs: ['10.244.3.0/24'].map((c) => must(parseCidr(c))),
      complaints: [],
    },
  ]
  node.inside(() => {
    const kernel = new NodeKernel(config, createFirewall(config))
    must(kernel.start())
    const report = kernel.reconcile({ selfName: 'a', nodes, sweep: true })
    assert.deepEqual(report.faults, [])
    assert.deepEqual(
      report.network.peers.map((p) => [p.name, p.path, p.mtuBytes]),
      [
        ['b', 'vxlan', 1450],
        ['c', 'vxlan', 1450],
      ],
    )
    for (const [i, pod] of pods.entries()) {
      must(
        kernel.wire({
          owner: owner(i + 2),
          netnsFd: pod.fd,
          linkMtuBytes: 1500,
          routeMtuBytes: 1450,
          routeLocalnet: false,
          bandwidth: undefined,
          hostPorts: [],
        }),
      )
    }
    // The peer's MAC, which the first run asked for, has come by now.
    kernel.reconcile({ selfName: 'a', nodes, sweep: true })
    const again = kernel.reconcile({ selfName: 'a', nodes, sweep: true })
    assert.deepEqual([again.changes, again.faults], [[], []])
    kernel.close()
    const restarted = new NodeKernel(config, createFirewall(config))
    const facts = must(restarted.start())
    assert.equal(facts.endpoints.length, 2)
    assert.deepEqual(facts.record.ranges, ['10.244.1.0/24', 'fd00:1::/64'])
    assert.deepEqual(restarted.reconcile({ selfName: 'a', nodes, sweep: true }).changes, [])
    restarted.close()
  })
  assert.match(run(pods[0], 'ping', '-c1', '-W1', '10.244.1.3'), / 0% packet loss/)
  assert.match(run(pods[0], 'ping', '-c1', '-W1', 'fd00:1::3'), / 0% packet loss/)
  assert.match(run(pods[0], 'ping', '-c1', '-W1', '192.0.2.1'), / 0% packet loss/)
})
