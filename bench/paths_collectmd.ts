// The way that most eBPF overlays go: a program puts the tunnel's key beside the packet and redirects it to the
// kernel's collect_md vxlan device, which encapsulates it; on the other side a program redirects into the pod.

import { fileURLToPath } from 'node:url'
import { run } from './lib/command.ts'
import { FOLDER } from './lib/sandbox.ts'
import { inside, ipLines } from './lib/segment.ts'
import type { Pair, Side } from './paths_pair.ts'

const source = fileURLToPath(new URL('./bpf/collectmd.bpf.c', import.meta.url))
const DEVICE = 'vxlan0'
const HOST_SIDE = 'pod0'
const GATEWAY = '169.254.1.1'
const MTU_BYTES = 1450

/** @returns the address of the second pod */
export function collectMetadata([a, b]: Pair): string {
  makeSide(a, '02:00:00:00:0c:01', '02:00:00:00:0c:02')
  makeSide(b, '02:00:00:00:0c:02', '02:00:00:00:0c:01')
  attach(a, b.node.ip)
  attach(b, a.node.ip)
  return podIp(b)
}

const podIp = ({ range }: Side): string => range.replace('0/24', '2')

/** The pod's gateway has the MAC of the pod at the other end, and the tunnel that of the pod here: none is rewritten. */
function makeSide(side: Side, mac: string, otherMac: string): void {
  ipLines(side.node.path, [
    `link add ${DEVICE} address ${mac} mtu ${MTU_BYTES} type vxlan external dstport 4789 nolearning`,
    `link set ${DEVICE} addrgenmode none`,
    `link set ${DEVICE} up`,
    `link add ${HOST_SIDE} type veth peer name eth0 address ${mac} netns ${side.pod}`,
    `link set ${HOST_SIDE} addrgenmode none`,
    `link set ${HOST_SIDE} up`,
  ])
  ipLines(side.pod, [
    'link set lo up',
    `link set eth0 mtu ${MTU_BYTES} up`,
    `address add ${podIp(side)}/32 dev eth0`,
    `neighbour add ${GATEWAY} lladdr ${otherMac} dev eth0 nud permanent`,
    `route add ${GATEWAY} dev eth0 scope link`,
    `route add default via ${GATEWAY} dev eth0`,
  ])
}

function attach({ node }: Side, remote: string): void {
  const object = `${FOLDER}/${node.name}.o`
  const remoteIp = remote.split('.').reduce((sum, byte) => sum * 256 + Number(byte), 0)
  const constants = [
    `-DREMOTE_IP=${remoteIp}u`,
    `-DVXLAN=${indexOf(node.path, DEVICE)}`,
    `-DPOD=${indexOf(node.path, HOST_SIDE)}`,
  ]
  const headers = `-I/usr/include/${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu`
  run('clang-19', '-O2', '-g', '-target', 'bpf', headers, ...constants, '-c', source, '-o', object)
  for (const [device, section] of [
    [HOST_SIDE, 'tc/pod'],
    [DEVICE, 'tc/vxlan'],
  ] as const) {
    inside(node.path, 'tc', 'qdisc', 'add', 'dev', device, 'clsact')
    const filter = ['filter', 'add', 'dev', device, 'ingress', 'bpf', 'direct-action']
    inside(node.path, 'tc', ...filter, 'object-file', object, 'section', section)
  }
}

const indexOf = (netns: string, device: string): string =>
  /^(\d+):/.exec(inside(netns, 'ip', '-o', 'link', 'show', 'dev', device))?.[1] ?? ''
