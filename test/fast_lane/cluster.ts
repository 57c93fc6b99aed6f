// Nodes with real agents on one segment with a router to the outside, fed from one static file each:
//
//   node 1 … n   eth0 192.0.2.N/24, 2001:db8::N/64; pods 10.244.N.0/24, fd00:N::/64
//   outside      eth0 192.0.2.254, 2001:db8::fe; itself also 198.51.100.1, 2001:db8:9::1, which see pods unmasqueraded

import type { TestContext } from 'node:test'
import type { IfIndex } from '../../src/base/ifindex.ts'
import { type Family, familyOf, type Ip } from '../../src/base/ip.ts'
import { addAddress } from '../../src/kernel/netlink/address.ts'
import { addBridge } from '../../src/kernel/netlink/link.ts'
import { type CallOptions, NodeBench, type NodeFact, type TestPod } from '../agent/node_bench.ts'
import { addressOf, type Host, host, ip, run, sysctl, write } from '../guard/cluster.ts'
import { type TestNamespace, testNamespace } from '../namespaces.ts'
import { laneConfig, type Path, type Setting } from './lanes.ts'

export const families = [4, 6] as const
export const beyond: Readonly<Record<Family, Ip>> = { 4: ip('198.51.100.1'), 6: ip('2001:db8:9::1') }
/** The cluster's own ranges, as kube-proxy is told them. */
export const podRange = { 4: '10.244.0.0/16', 6: 'fd00::/16' } as const

export type Pod = TestPod & { readonly addresses: readonly Ip[] }
export type Node = Host & {
  readonly name: string
  readonly number: number
  readonly bench: NodeBench
  readonly pod: (container: string, runtimeConfig?: object) => Promise<Pod>
}
export type FastCluster = {
  readonly nodes: readonly [Node, Node, ...Node[]]
  readonly outside: Host
  /** The switch between the nodes: port `pN` leads to node N, `p254` to the outside. */
  readonly segment: TestNamespace
  /** Tells every agent of other addresses of nodes, by the node's number. */
  readonly declare: (moved: Readonly<Record<number, readonly Ip[]>>) => void
}
/** `config` goes over what the lane and the path ask for. */
export type ClusterSetting = Setting & { readonly config?: object }

export async function fastCluster(t: TestContext, setting: ClusterSetting): Promise<FastCluster> {
  const segment = testNamespace(t)
  write(segment, [addBridge('br0', 1500)])
  for (const table of ['iptables', 'ip6tables', 'arptables'])
    sysctl(segment, `bridge/bridge-nf-call-${table}`, '0')
  const outside = host(testNamespace(t), segment, 254, families, 1500)
  for (const far of [beyond[4], beyond[6]])
    write(outside.ns, [
      addAddress({ index: 1 as IfIndex, ip: far, prefixLength: familyOf(far) === 4 ? 32 : 128 }),
    ])
  const lanes = typeof setting.lane === 'string' ? [setting.lane, setting.lane] : setting.lane
  const { underlay = families } = setting
  const facts = lanes.map((_, i) => factOf(i + 1, underlay))
  const nodes = lanes.map((lane, i) => {
    const bench = new NodeBench(t, {
      name: `n${i + 1}`,
      nodes: facts,
      // Only what a scenario sends is to be on its wire.
      config: { ...baseConfig(setting.path), ...laneConfig(lane, setting), probes: 'off', ...setting.config },
    })
    const own = host(bench.ns, segment, i + 1, underlay, 1500)
    return nodeOn(bench, i + 1, own, setting.attach === 'clsact')
  })
  for (const node of nodes) routeOutside(node, outside, underlay)
  await Promise.all(nodes.map((n) => n.bench.start()))
  const declare: FastCluster['declare'] = (moved) => {
    const now = facts.map((fact, i) => ({ ...fact, addresses: moved[i + 1] ?? fact.addresses }))
    for (const n of nodes) n.bench.declare(now)
  }
  return { nodes: atLeastTwo(nodes), outside, segment, declare }
}

const baseConfig = (path: Path): object => ({
  pathMode: path,
  ipam: { coolDownSeconds: 0 },
  vxlan: { lingerSeconds: 0 },
  masquerade: { exclude: [`${beyond[4]}/32`, `${beyond[6]}/128`] },
})

const factOf = (n: number, underlay: readonly Family[]): NodeFact => ({
  name: `n${n}`,
  addresses: underlay.map((v) => (v === 4 ? `192.0.2.${n}` : `2001:db8::${n}`)),
  podCIDRs: [`10.244.${n}.0/24`, `fd00:${n}::/64`],
})

function nodeOn(bench: NodeBench, number: number, own: Host, isByClsact: boolean): Node {
  const pod = async (container: string, runtimeConfig: object = {}): Promise<Pod> => {
    const options: CallOptions = { config: { runtimeConfig } }
    const made = await bench.pod(container, options)
    // The kernel may lose a packet in the microseconds in which a clsact filter is added to a device (seen on 6.18 with tc).
    if (isByClsact) await bench.settled()
    return { ...made, addresses: made.ips.map(ip) }
  }
  return { ...own, name: `n${number}`, number, bench, pod }
}

/** Both know the way: pods go out by the router, the router finds each range behind its node. */
function routeOutside(node: Node, outside: Host, underlay: readonly Family[]): void {
  for (const v of underlay) {
    run(node.ns, 'ip', `-${v}`, 'route', 'add', 'default', 'via', addressOf(outside, v))
    const range = v === 4 ? `10.244.${node.number}.0/24` : `fd00:${node.number}::/64`
    run(outside.ns, 'ip', `-${v}`, 'route', 'add', range, 'via', addressOf(node, v))
  }
}

function atLeastTwo(nodes: readonly Node[]): FastCluster['nodes'] {
  const [first, second, ...more] = nodes
  if (!first || !second) throw new Error('a cluster has two nodes at least')
  return [first, second, ...more]
}
