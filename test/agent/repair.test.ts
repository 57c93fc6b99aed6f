import assert from 'node:assert/strict'
import { test } from 'node:test'
import { becomes, kernelDump, run, shell } from './dump.ts'
import { nodeA, nodeB, nodeWithOutside } from './fixtures.ts'

const far = { name: 'c', addresses: ['198.51.100.3'], podCIDRs: ['10.244.3.0/24', 'fd00:3::/64'] }

/** What another hand does, and what the kernel says of it without any help of ours. */
const losses: readonly (readonly [what: string, command: string])[] = [
  ['a route to a peer', 'ip route del 10.244.2.0/24'],
  ['the record of the node’s range', 'ip route del unreachable 10.244.1.0/24 metric 2147418112'],
  ['a pod’s route', 'ip route del 10.244.1.2'],
  ['a pod’s IPv6 route', 'ip -6 route del fd00:1::2'],
  ['a pod’s neighbour', 'ip neighbour del 10.244.1.2 dev LINK'],
  ['a peer’s neighbour', 'ip neighbour del 192.0.2.2 dev eth0'],
  ['a tunnel’s neighbour', 'ip neighbour del 10.244.3.1 dev podlane-vxlan'],
  ['a forwarding entry', 'bridge fdb del 0e:70:c6:33:64:03 dev podlane-vxlan dst 198.51.100.3'],
  ['the tunnel’s device', 'ip link del podlane-vxlan'],
  ['the tunnel’s address', 'ip address del 10.244.1.1/32 dev podlane-vxlan'],
  ['the tunnel’s state', 'ip link set podlane-vxlan down'],
  ['the tunnel’s MTU', 'ip link set podlane-vxlan mtu 1300'],
  ['the tunnel’s MTU, too small for IPv6', 'ip link set podlane-vxlan mtu 1200'],
  ['a pod link’s state', 'ip link set LINK down'],
  ['a pod link’s MAC', 'ip link set LINK address 02:00:00:00:00:99'],
  ['a pod link’s group', 'ip link set LINK group 0'],
  ['the gateway’s address', 'ip -6 address del fe80::1/128 dev LINK'],
  [
    'an element of the filter',
    'nft flush set inet podlane pod_sources4; ip link set lo mtu 65000; ip link set lo mtu 65536',
  ],
  [
    'a set of addresses',
    'nft flush set inet podlane cluster_ranges4; ip link set lo mtu 65000; ip link set lo mtu 65536',
  ],
  ['all tables', 'nft flush ruleset'],
]

test('what another hand takes away of ours comes back', async (t) => {
  const { bench } = nodeWithOutside(t, { nodes: [nodeA, nodeB, far] })
  await bench.start()
  const pod = await bench.pod('one', {
    config: { runtimeConfig: { portMappings: [{ hostPort: 8080, containerPort: 80 }] } },
  })
  assert.deepEqual(pod.ips, ['10.244.1.2', 'fd00:1::2'])
  await bench.settled(1_300)
  const link = run(bench.ns, 'ip', '-o', 'link').match(/podl[0-9a-f]{11}/)?.[0] ?? assert.fail()
  const before = kernelDump(bench.ns)
  for (const [what, command] of losses) {
    shell(bench.ns, command.replaceAll('LINK', link))
    await becomes(bench.ns, before).catch((error: unknown) => {
      throw new Error(what, { cause: error })
    })
  }
  assert.equal((await bench.status()).pods.length, 1)
})
