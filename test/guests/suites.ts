// Which tests run on which kernel. Those of this folder are for guests alone and know the kernel that they are on; the
// others are tests of every day, that must hold on another pod device or an older kernel as well.

/** Relative to the project. */
const onEveryKernel = [
  'test/guests/pods.guest.ts',
  'test/guests/fast_lane.guest.ts',
  'src/apply/firewall.test.ts',
  'src/apply/pod_device.test.ts',
  'src/kernel/netlink/netlink.test.ts',
  'src/kernel/nft/conntrack.test.ts',
  'src/observe/features.test.ts',
  'test/agent/pod_device.test.ts',
  'test/guard_pod.test.ts',
] as const

const onKernel: Readonly<Record<string, readonly string[]>> = {
  // What is told of veth pairs is true of netkit pairs.
  '6.12': ['test/guests/netkit.guest.ts', 'test/agent/capabilities.test.ts', 'test/agent/verbs.test.ts'],
}

export const suites = (kernel: string): readonly string[] => [...onEveryKernel, ...(onKernel[kernel] ?? [])]

/** The fast lane's scenarios are many, and slow in a guest: one of each kind. */
export const laneSuite = {
  files: ['pod_traffic', 'services', 'switching', 'mtu'].map((name) => `test/fast_lane/${name}.test.ts`),
  titles: [
    '^pods of two nodes talk both ways.*: fast lane, path vxlan$',
    '^services by kube-proxy’s iptables rules.*: fast lane, path vxlan$',
    '^ten switches.*: fast lane, path direct$',
    '^an agent that is killed.*: fast lane, path vxlan$',
    '^a packet of the path’s MTU.*: fast lane, path vxlan$',
  ],
} as const
