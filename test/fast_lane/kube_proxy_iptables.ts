// The rules of kube-proxy in iptables mode, in the words and the order of its own writing (pkg/proxy/iptables of
// Kubernetes 1.31, with --cluster-cidr).

import { execFileSync } from 'node:child_process'
import type { Family, Ip } from '../../src/base/ip.ts'
import { podRange } from './cluster.ts'
import { chainName, type ProxyNode, type Service } from './service.ts'

const CHAINS = {
  filter: [
    'KUBE-EXTERNAL-SERVICES',
    'KUBE-FIREWALL',
    'KUBE-FORWARD',
    'KUBE-NODEPORTS',
    'KUBE-PROXY-FIREWALL',
    'KUBE-SERVICES',
  ],
  nat: ['KUBE-MARK-MASQ', 'KUBE-NODEPORTS', 'KUBE-POSTROUTING', 'KUBE-SERVICES'],
} as const
const NEW = '-m conntrack --ctstate NEW'

const FILTER = [
  `-A INPUT ${NEW} -m comment --comment "kubernetes load balancer firewall" -j KUBE-PROXY-FIREWALL`,
  '-A INPUT -m comment --comment "kubernetes health check service ports" -j KUBE-NODEPORTS',
  `-A INPUT ${NEW} -m comment --comment "kubernetes externally-visible service portals" -j KUBE-EXTERNAL-SERVICES`,
  '-A INPUT -j KUBE-FIREWALL',
  `-A FORWARD ${NEW} -m comment --comment "kubernetes load balancer firewall" -j KUBE-PROXY-FIREWALL`,
  '-A FORWARD -m comment --comment "kubernetes forwarding rules" -j KUBE-FORWARD',
  `-A FORWARD ${NEW} -m comment --comment "kubernetes service portals" -j KUBE-SERVICES`,
  `-A FORWARD ${NEW} -m comment --comment "kubernetes externally-visible service portals" -j KUBE-EXTERNAL-SERVICES`,
  `-A OUTPUT ${NEW} -m comment --comment "kubernetes load balancer firewall" -j KUBE-PROXY-FIREWALL`,
  `-A OUTPUT ${NEW} -m comment --comment "kubernetes service portals" -j KUBE-SERVICES`,
  '-A OUTPUT -j KUBE-FIREWALL',
  '-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP',
  '-A KUBE-FORWARD -m comment --comment "kubernetes forwarding rules" -m mark --mark 0x4000/0x4000 -j ACCEPT',
  '-A KUBE-FORWARD -m comment --comment "kubernetes forwarding conntrack rule" -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
]
const NAT = [
  '-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES',
  '-A OUTPUT -m comment --comment "kubernetes service portals" -j KUBE-SERVICES',
  '-A POSTROUTING -m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING',
  '-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN',
  '-A KUBE-POSTROUTING -j MARK --xor-mark 0x4000',
  '-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully',
  '-A KUBE-MARK-MASQ -j MARK --or-mark 0x4000',
]

export function iptablesRules(node: ProxyNode, family: Family, services: readonly Service[]): void {
  const own = services.map((s) => serviceRules(node, family, s))
  const text = [
    '*filter',
    ...CHAINS.filter.map((c) => `:${c} - [0:0]`),
    ...FILTER,
    'COMMIT',
    '*nat',
    ...CHAINS.nat.map((c) => `:${c} - [0:0]`),
    ...own.flatMap((o) => o.chains.map((c) => `:${c} - [0:0]`)),
    ...NAT,
    ...own.flatMap((o) => o.rules),
    '-A KUBE-SERVICES -m comment --comment "kubernetes service nodeports; NOTE: this must be the last rule in this chain" -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS',
    'COMMIT',
    '',
  ].join('\n')
  const program = family === 4 ? 'iptables-restore' : 'ip6tables-restore'
  execFileSync('nsenter', [`--net=${node.ns.path}`, program, '-w'], {
    input: text,
    stdio: ['pipe', 'pipe', 'pipe'],
  })
}

function serviceRules(node: ProxyNode, family: Family, s: Service): { chains: string[]; rules: string[] } {
  const [hash, p] = [chainName(s, family), s.protocol]
  const [svc, svl, ext] = [`KUBE-SVC-${hash}`, `KUBE-SVL-${hash}`, `KUBE-EXT-${hash}`]
  const to = `-d ${s.clusterIp} -p ${p} -m ${p} --dport ${s.port}`
  const outer =
    s.nodePort === undefined ? [] : [`-A KUBE-NODEPORTS -p ${p} -m ${p} --dport ${s.nodePort} -j ${ext}`]
  const external = s.local
    ? [
        `-A ${ext} -s ${podRange[family]} -m comment --comment "pod traffic for ${s.name} external destinations" -j ${svc}`,
        `-A ${ext} -m addrtype --src-type LOCAL -j KUBE-MARK-MASQ`,
        `-A ${ext} -m addrtype --src-type LOCAL -j ${svc}`,
        `-A ${ext} -j ${svl}`,
      ]
    : [`-A ${ext} -j KUBE-MARK-MASQ`, `-A ${ext} -j ${svc}`]
  return {
    chains: [svc, svl, ext, ...s.endpoints.map((_, i) => `KUBE-SEP-${hash}-${i}`)],
    rules: [
      `-A KUBE-SERVICES ${to} -m comment --comment "${s.name} cluster IP" -j ${svc}`,
      ...outer,
      ...external,
      `-A ${svc} ! -s ${podRange[family]} ${to} -j KUBE-MARK-MASQ`,
      ...spread(svc, s.endpoints, s.endpoints, hash),
      ...spread(svl, s.endpoints.filter(node.isLocal), s.endpoints, hash),
      ...s.endpoints.flatMap((e, i) => [
        `-A KUBE-SEP-${hash}-${i} -s ${e} -j KUBE-MARK-MASQ`,
        `-A KUBE-SEP-${hash}-${i} -p ${p} -m ${p} -j DNAT --to-destination ${family === 4 ? e : `[${e}]`}:${s.targetPort}`,
      ]),
    ],
  }
}

const spread = (chain: string, some: readonly Ip[], all: readonly Ip[], hash: string): string[] =>
  some.map((endpoint, i) => {
    const left = some.length - i
    const chance = left === 1 ? '' : `-m statistic --mode random --probability ${(1 / left).toFixed(10)} `
    return `-A ${chain} ${chance}-j KUBE-SEP-${hash}-${all.indexOf(endpoint)}`
  })
