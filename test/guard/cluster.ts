// Nodes with a real NodeKernel each, in namespaces on one segment with a router to the outside: where attackers sit.
//
//   node 1 … n   eth0 192.0.2.N/24, 2001:db8::N/64; pods 10.244.N.0/24, fd00:N::/64
//   outside      eth0 192.0.2.254, 2001:db8::fe; everyone's default gateway, itself also 198.51.100.1, 2001:db8:9::1

import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import type { TestContext } from 'node:test'
import { createFirewall } from '../../src/apply/firewall.ts'
import { NodeKernel, type Report } from '../../src/apply/node.ts'
import { type Cidr, parseCidr } from '../../src/base/cidr.ts'
import type { IfIndex } from '../../src/base/ifindex.ts'
import { bitsOf, type Family, familyOf, type Ip, parseIp } from '../../src/base/ip.ts'
import { type Mac, parseMac } from '../../src/base/mac.ts'
import { must } from '../../src/base/result.ts'
import type { HostPort } from '../../src/cni/network.ts'
import { addAddress } from '../../src/kernel/netlink/address.ts'
import {
  addBridge,
  addVeth,
  getLinkByName,
  type LinkRow,
  parseLink,
  setLink,
} from '../../src/kernel/netlink/link.ts'
import type { Message } from '../../src/kernel/netlink/message.ts'
import { replaceRoute } from '../../src/kernel/netlink/route.ts'
import { answerFault } from '../../src/kernel/netlink/socket.ts'
import { podMac } from '../../src/plan/pod_link.ts'
import { type Config, parseConfig } from '../../src/schema/config.ts'
import type { Endpoint } from '../../src/state/endpoint.ts'
import type { NodeRow } from '../../src/state/rows.ts'
import { type TestNamespace, testNamespace } from '../namespaces.ts'

export const ip = (text: string): Ip => must(parseIp(text))
export const mac = (text: string): Mac => must(parseMac(text))
const cidr = (text: string): Cidr => must(parseCidr(text))

export type Host = { readonly ns: TestNamespace; readonly mac: Mac; readonly addresses: readonly Ip[] }
export const addressOf = (host: { readonly addresses: readonly Ip[] }, family: Family): Ip => {
  const found = host.addresses.find((a) => familyOf(a) === family)
  if (found === undefined) throw new Error(`no IPv${family} address`)
  return found
}

export type TestPod = Host & { readonly endpoint: Endpoint; readonly hostMac: Mac }
export type PodOptions = { readonly hostPorts?: readonly HostPort[]; readonly onlyFamily?: Family }

export type TestNode = Host & {
  readonly name: string
  readonly number: number
  kernel: NodeKernel
  readonly reconcile: (sweep?: boolean) => Report
  /** The agent is gone and comes again, with another config if one is given. */
  readonly restart: (config?: string) => void
  readonly pod: (number: number, options?: PodOptions) => TestPod
  readonly remove: (pod: TestPod) => void
  /** Packets that each named counter has counted; those at zero are left out. */
  readonly drops: () => Record<string, number>
  /** Runs `work` while a chain of ours is empty: shows that it is this chain that stops an attack. */
  readonly without: <T>(chain: string, work: () => Promise<T>) => Promise<T>
}

export type ClusterOptions = {
  readonly nodes?: number
  /** YAML. */
  readonly config?: string
  /** Families of the nodes' own addresses. */
  readonly underlay?: readonly Family[]
  /** Families of the pods. */
  readonly pods?: readonly Family[]
  readonly mtuBytes?: number
}

export type Cluster = {
  readonly nodes: readonly [TestNode, TestNode, ...TestNode[]]
  readonly outside: Host
  /** One more host on the segment that is no node. */
  readonly stranger: Host
  readonly rows: readonly NodeRow[]
}

export const run = (ns: TestNamespace, ...argv: readonly string[]): string =>
  execFileSync('nsenter', [`--net=${ns.path}`, ...argv], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  })

export function write(ns: TestNamespace, messages: readonly Message[]): void {
  ns.route.batch(messages).forEach((answer, i) => {
    const message = messages[i]
    if (message && !answer.ok) throw new Error(JSON.stringify(answerFault(message, answer)))
  })
}

export function linkOf(ns: TestNamespace, name: string): LinkRow {
  const read = ns.route.request(getLinkByName(name))
  if (!read.ok || !read.replies[0]) throw new Error(`no link ${name}`)
  return parseLink(read.replies[0])
}

export const sysctl = (ns: TestNamespace, path: string, value: string): void =>
  ns.inside(() => writeFileSync(`/proc/sys/net/${path}`, value))

/** The name in `ip` words; both families, addresses without a wait for duplicate detection. */
export function host(
  ns: TestNamespace,
  segment: TestNamespace,
  number: number,
  families: readonly Family[],
  mtuBytes: number,
): Host {
  for (const scope of ['all', 'default']) sysctl(ns, `ipv6/conf/${scope}/accept_dad`, '0')
  const own = mac(`02:00:00:00:00:${number.toString(16).padStart(2, '0')}`)
  const name = `p${number}`
  write(segment, [
    addVeth({
      name,
      mac: mac(`02:00:00:00:01:${number.toString(16).padStart(2, '0')}`),
      mtuBytes,
      group: 0,
      peer: { name: 'eth0', mac: own, netnsFd: ns.fd },
    }),
    setLink(name, { up: true }),
  ])
  write(segment, [setLink(name, { master: linkOf(segment, 'br0').index })])
  const { index } = linkOf(ns, 'eth0')
  const addresses = families.map((f) =>
    ip(f === 4 ? `192.0.2.${number}` : `2001:db8::${number.toString(16)}`),
  )
  write(ns, [
    setLink(1 as IfIndex, { up: true }),
    setLink(index, { up: true }),
    ...addresses.map((a) => addAddress({ index, ip: a, prefixLength: familyOf(a) === 4 ? 24 : 64 })),
  ])
  // Asked for, the first end is ready at once.
  linkOf(segment, name)
  return { ns, mac: own, addresses }
}

export function testCluster(t: TestContext, options: ClusterOptions = {}): Cluster {
  const { underlay = [4, 6], pods = [4, 6], mtuBytes = 1500 } = options
  const segment = testNamespace(t)
  write(segment, [addBridge('br0', mtuBytes)])
  for (const table of ['iptables', 'ip6tables', 'arptables'])
    sysctl(segment, `bridge/bridge-nf-call-${table}`, '0')
  const outside = host(testNamespace(t), segment, 254, [4, 6], mtuBytes)
  write(
    outside.ns,
    [ip('198.51.100.1'), ip('2001:db8:9::1')].map((a) =>
      addAddress({ index: 1 as IfIndex, ip: a, prefixLength: bitsOf(familyOf(a)) }),
    ),
  )
  const stranger = host(testNamespace(t), segment, 99, [4, 6], mtuBytes)
  const numbers = Array.from({ length: options.nodes ?? 2 }, (_, i) => i + 1)
  const hosts = numbers.map((n) => host(testNamespace(t), segment, n, underlay, mtuBytes))
  const rows = numbers.map(
    (n, i): NodeRow => ({
      name: `n${n}`,
      addresses: hosts[i]?.addresses ?? [],
      podCidrs: pods.map((f) => cidr(f === 4 ? `10.244.${n}.0/24` : `fd00:${n}::/64`)),
      complaints: [],
    }),
  )
  const nodes = hosts.map((h, i) => testNode(t, h, numbers[i] ?? 0, rows, options.config ?? '', pods))
  for (const n of nodes) {
    const device = linkOf(n.ns, 'eth0').index
    write(
      n.ns,
      underlay.map((f) =>
        replaceRoute({
          dst: cidr(f === 4 ? '0.0.0.0/0' : '::/0'),
          type: 'unicast',
          gateway: addressOf(outside, f),
          device,
          protocol: 4,
        }),
      ),
    )
  }
  // The first look asks for the peers' MACs, the second binds what they may send.
  for (const _ of [1, 2]) for (const n of nodes) n.reconcile()
  return { nodes: nodes as unknown as Cluster['nodes'], outside, stranger, rows }
}

function testNode(
  t: TestContext,
  own: Host,
  number: number,
  rows: readonly NodeRow[],
  yaml: string,
  families: readonly Family[],
): TestNode {
  const { ns } = own
  let config: Config = must(parseConfig(yaml, 'test'))
  let mtu = { link: 1500, route: 1500 }
  const begin = (): NodeKernel =>
    ns.inside(() => {
      const kernel = new NodeKernel(config, createFirewall(config))
      must(kernel.start())
      return kernel
    })
  const node: TestNode = {
    ...own,
    name: `n${number}`,
    number,
    kernel: begin(),
    reconcile: (sweep = true) => {
      const report = ns.inside(() => node.kernel.reconcile({ selfName: `n${number}`, nodes: rows, sweep }))
      if (report.faults[0]) throw new Error(JSON.stringify(report.faults))
      mtu = { link: report.uplink?.mtuBytes ?? 1500, route: report.network.podMtuBytes }
      return report
    },
    restart: (next) => {
      node.kernel.close()
      if (next !== undefined) config = must(parseConfig(next, 'test'))
      node.kernel = begin()
    },
    pod: (n, given = {}) => makePod(t, node, n, given, families, mtu),
    remove: (pod) => {
      ns.inside(() => must(node.kernel.unwire(pod.endpoint)))
      ns.inside(() => node.kernel.sweep([pod.endpoint]))
    },
    drops: () => dropsOf(ns),
    without: (chain, work) => without(ns, chain, work),
  }
  t.after(() => node.kernel.close())
  return node
}

function makePod(
  t: TestContext,
  node: TestNode,
  n: number,
  options: PodOptions,
  families: readonly Family[],
  mtu: { link: number; route: number },
): TestPod {
  const ns = testNamespace(t)
  const addresses = families
    .filter((f) => options.onlyFamily === undefined || f === options.onlyFamily)
    .map((f) => ip(f === 4 ? `10.244.${node.number}.${n}` : `fd00:${node.number}::${n.toString(16)}`))
  const hostPorts = options.hostPorts ?? []
  const podsMac = podMac(addresses)
  const endpoint = node.ns.inside(() =>
    must(
      node.kernel.wire({
        owner: {
          containerId: `c${node.number}-${n}`,
          ifName: 'eth0',
          network: 'podlane',
          podUid: `u${n}`,
          podMac: podsMac,
          addresses,
        },
        netnsFd: ns.fd,
        linkMtuBytes: mtu.link,
        routeMtuBytes: mtu.route,
        routeLocalnet: hostPorts.length > 0,
        bandwidth: undefined,
        hostPorts,
      }),
    ),
  )
  return { ns, mac: podsMac, addresses, endpoint, hostMac: endpoint.link.mac }
}

type Counters = {
  readonly nftables: readonly { readonly counter?: { readonly name: string; readonly packets: number } }[]
}

function dropsOf(ns: TestNamespace): Record<string, number> {
  const out: Record<string, number> = {}
  for (const family of ['inet', 'arp']) {
    const { nftables } = JSON.parse(
      run(ns, 'nft', '-j', 'list', 'counters', 'table', family, 'podlane'),
    ) as Counters
    for (const { counter } of nftables)
      if (counter && counter.packets > 0)
        out[family === 'arp' ? `arp_${counter.name}` : counter.name] = counter.packets
  }
  return out
}

async function without<T>(ns: TestNamespace, chain: string, work: () => Promise<T>): Promise<T> {
  const family = chain.startsWith('arp ') ? 'arp' : 'inet'
  const name = chain.replace('arp ', '')
  const text = run(ns, 'nft', 'list', 'chain', family, 'podlane', name)
  run(ns, 'nft', 'flush', 'chain', family, 'podlane', name)
  try {
    return await work()
  } finally {
    ns.inside(() => execFileSync('nft', ['-f', '-'], { input: text }))
  }
}
