// Flannel's datapath as its daemon and its CNI plugin set it up (flannel v0.2x: pkg/backend/vxlan, pkg/trafficmngr/
// iptables; the delegated bridge plugin with host-local), on a node whose bridges call iptables as Kubernetes asks.

import { callPlugin } from './lib/launcher.ts'
import { FOLDER } from './lib/sandbox.ts'
import { inside, ipLines, setBridgeNetfilter, setSysctl } from './lib/segment.ts'
import { addressOf, type Pair, type Side } from './paths_pair.ts'

const PLUGINS = '/usr/lib/cni'
const DEVICE = 'flannel.1'
const MTU_BYTES = 1450

/** @returns the address of the second pod */
export function flannel(pair: Pair): string {
  for (const side of pair) makeDevice(side)
  const [a, b] = pair
  leadTo(a, b)
  leadTo(b, a)
  for (const side of pair) {
    writeRules(side)
    addPod(side)
  }
  return addressOf(b.pod)
}

/** The device's own address: the first of the range. */
const tunnelIp = ({ range }: Side): string => range.replace('/24', '')
/** All ranges of the pair. */
const clusterOf = ({ range }: Side): string => range.replace(/\.\d+\.0\/24$/, '.0.0/16')

const macOf = ({ node }: Side): string =>
  /link\/ether (\S+)/.exec(inside(node.path, 'ip', '-o', 'link', 'show', 'dev', DEVICE))?.[1] ?? ''

function makeDevice(side: Side): void {
  const { path, ip } = side.node
  setSysctl(path, 'net.ipv4.ip_forward', 1)
  setBridgeNetfilter(path, 1)
  ipLines(path, [
    `link add ${DEVICE} mtu ${MTU_BYTES} type vxlan id 1 dev eth0 local ${ip} dstport 8472 nolearning`,
    `address add ${tunnelIp(side)}/32 dev ${DEVICE}`,
    `link set ${DEVICE} addrgenmode none`,
    `link set ${DEVICE} up`,
  ])
}

function leadTo({ node }: Side, other: Side): void {
  const mac = macOf(other)
  ipLines(node.path, [
    `neighbour add ${tunnelIp(other)} lladdr ${mac} dev ${DEVICE} nud permanent`,
    `route add ${other.range} via ${tunnelIp(other)} dev ${DEVICE} onlink`,
  ])
  inside(node.path, 'bridge', 'fdb', 'append', mac, 'dev', DEVICE, 'dst', other.node.ip)
}

function writeRules(side: Side): void {
  const { range } = side
  const cluster = clusterOf(side)
  const masquerade = '-j MASQUERADE --random-fully'
  const rules = [
    '-t nat -N FLANNEL-POSTRTG',
    '-t nat -A POSTROUTING -j FLANNEL-POSTRTG',
    '-t nat -A FLANNEL-POSTRTG -m mark --mark 0x4000/0x4000 -j RETURN',
    `-t nat -A FLANNEL-POSTRTG -s ${range} -d ${cluster} -j RETURN`,
    `-t nat -A FLANNEL-POSTRTG -s ${cluster} -d ${range} -j RETURN`,
    `-t nat -A FLANNEL-POSTRTG ! -s ${cluster} -d ${range} -j RETURN`,
    `-t nat -A FLANNEL-POSTRTG -s ${cluster} ! -d 224.0.0.0/4 ${masquerade}`,
    `-t nat -A FLANNEL-POSTRTG ! -s ${cluster} -d ${cluster} ${masquerade}`,
    '-N FLANNEL-FWD',
    '-A FORWARD -j FLANNEL-FWD',
    `-A FLANNEL-FWD -s ${cluster} -j ACCEPT`,
    `-A FLANNEL-FWD -d ${cluster} -j ACCEPT`,
  ]
  for (const rule of rules)
    inside(side.node.path, 'iptables', '-w', ...rule.split(' '), '-m', 'comment', '--comment', 'flanneld')
}

function addPod(side: Side): void {
  const { node, range, pod } = side
  const ipam = {
    type: 'host-local',
    dataDir: `${FOLDER}/${node.name}-ipam`,
    ranges: [[{ subnet: range }]],
    routes: [{ dst: clusterOf(side) }],
  }
  const bridge = { type: 'bridge', isDefaultGateway: true, hairpinMode: true, ipMasq: false, mtu: MTU_BYTES }
  const plugin = {
    name: node.name,
    node: node.path,
    program: `${PLUGINS}/bridge`,
    config: { cniVersion: '1.0.0', name: 'cbr0', ...bridge, ipam },
    environment: { CNI_PATH: PLUGINS, PATH: process.env.PATH ?? '' },
  }
  callPlugin(plugin, 'ADD', [{ containerId: `${node.name}-pod`, netns: pod }])
}
