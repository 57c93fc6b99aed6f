// Nodes on one segment: each a network namespace whose uplink is a veth pair into the one bridge of a namespace that is
// the switch between them.

import type { Ip } from '../../src/base/ip.ts'
import { run } from './command.ts'
import { makeNamespace } from './node_namespace.ts'

const SWITCH = 'switch'
const PREFIX_LENGTH = 16

export type Segment = { readonly path: string; ports: number }
export type Node = { readonly name: string; readonly path: string; readonly ip: Ip }

/** Runs a program in a network namespace. */
export const inside = (netns: string, ...argv: readonly string[]): string =>
  run('nsenter', `--net=${netns}`, ...argv)

/** Runs lines of `ip` in a network namespace. */
export function ipLines(netns: string, lines: readonly string[]): void {
  for (const line of lines) inside(netns, 'ip', ...line.split(' '))
}

export function setSysctl(netns: string, name: string, value: string | number): void {
  inside(netns, 'sysctl', '-q', '-w', `${name}=${value}`)
}

export function makeSegment(): Segment {
  const path = makeNamespace(SWITCH)
  ipLines(path, ['link add br0 type bridge', 'link set br0 up'])
  // A switch has no netfilter: in a namespace of this kernel it would by default.
  setBridgeNetfilter(path, 0)
  return { path, ports: 0 }
}

export function setBridgeNetfilter(netns: string, value: 0 | 1): void {
  for (const tables of ['iptables', 'ip6tables', 'arptables'])
    setSysctl(netns, `net.bridge.bridge-nf-call-${tables}`, value)
}

/** A node with `eth0` on the segment, with every default of the kernel. */
export function makeNodeOn(segment: Segment, name: string, ip: Ip): Node {
  const path = makeNamespace(name)
  const port = `p${segment.ports++}`
  ipLines(path, [
    'link set lo up',
    `link add eth0 type veth peer name ${port} netns ${segment.path}`,
    'link set eth0 addrgenmode none',
    `address add ${ip}/${PREFIX_LENGTH} dev eth0`,
    'link set eth0 up',
  ])
  ipLines(segment.path, [`link set ${port} addrgenmode none`, `link set ${port} master br0 up`])
  return { name, path, ip }
}
