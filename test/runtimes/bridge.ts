// The baseline network: two nodes joined by a cable, Debian's bridge and host-local plugins on each, plain routes
// between. It shows that the runtimes work on this machine at all, whatever Podlane does.

import type { RuntimeNode } from './cell.ts'
import { runCommand } from './command.ts'
import { holdNamespaces } from './namespaces.ts'
import { type PodNetworkUnderTest, writeConflist } from './network.ts'

const leases = '/opt/cni/leases'

// A node of its own files where runtimes and plugins expect them; Debian keeps its plugins elsewhere.
const setup = `
  mkdir -p /etc/cni
  mount -t tmpfs node /etc/cni
  mount -t tmpfs node /opt
  mount -t tmpfs node /run
  mkdir -p /etc/cni/net.d /opt/cni/bin ${leases}
  mount --bind /usr/lib/cni /opt/cni/bin
  ip link set lo up
  echo 1 >/proc/sys/net/ipv4/ip_forward`

const subnet = (index: number): string => `10.77.${index}.0/24`

const openNode = async (index: number) => {
  const held = await holdNamespaces((argv) => argv, ['mount', 'net'], setup)
  const node: RuntimeNode = { name: `bridge-${index}`, address: `192.0.2.${index}`, enter: held.enter }
  return { ...held, index, node }
}

type BridgeNode = Awaited<ReturnType<typeof openNode>>

/** Each gets its end of the cable, its bridge, and the route to the other's containers. */
const wire = async (self: BridgeNode, other: BridgeNode): Promise<void> => {
  const script = `
    ip address add ${self.node.address}/24 dev up0
    ip link set up0 up
    ip link add cni0 type bridge
    ip address add 10.77.${self.index}.1/24 dev cni0
    ip link set cni0 up
    ip route add ${subnet(other.index)} via ${other.node.address}`
  await runCommand(self.enter(['sh', '-ec', script]))
}

const plugins = (index: number) => [
  {
    type: 'bridge',
    bridge: 'cni0',
    isGateway: true,
    ipam: {
      type: 'host-local',
      dataDir: leases,
      ranges: [[{ subnet: subnet(index) }]],
      routes: [{ dst: '0.0.0.0/0' }],
    },
  },
]

export const openBridgeNetwork = async (): Promise<PodNetworkUnderTest> => {
  const [first, second] = await Promise.all([openNode(1), openNode(2)])
  const ends = ['name', 'up0', 'netns', String(first.pid), 'type', 'veth', 'peer', 'name', 'up0']
  await runCommand(['ip', 'link', 'add', ...ends, 'netns', String(second.pid)])
  await Promise.all([wire(first, second), wire(second, first)])
  const indexOf = (node: RuntimeNode): number => (node === first.node ? 1 : 2)
  const network: PodNetworkUnderTest = {
    // Not «bridge»: podman takes that as the name of its own default network.
    name: 'baseline',
    nodes: [first.node, second.node],
    honoursMac: false,
    plugins: (node) => plugins(indexOf(node)),
    addresses: async (node) => {
      const files = await runCommand(node.enter(['find', leases, '-name', '10.*', '-printf', '%f\\n']))
      return files.split('\n').filter((address) => address !== '')
    },
    close: async () => {
      await Promise.all([first.close(), second.close()])
    },
  }
  for (const node of network.nodes) {
    const conflist = { cniVersion: '1.0.0', name: network.name, plugins: network.plugins(node) }
    await writeConflist(node, '10-bridge.conflist', conflist)
  }
  return network
}
