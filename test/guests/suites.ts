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
  'src/observe/profile/sampler.test.ts',
  'test/agent/pod_device.test.ts',
  'test/guard_pod.test.ts',
] as const

const onKernel: Readonly<Record<string, readonly string[]>> = {
  // What is told of veth pairs is true of netkit pairs.
  '6.12': ['test/guests/netkit.guest.ts', 'test/agent/capabilities.test.ts', 'test/agent/verbs.test.ts'],
}

export const suites = (kernel: string): readonly string[] => [...onEveryKernel, ...(onKernel[kernel] ?? [])]

const laneTitles: Readonly<Record<string, readonly string[]>> = {
  '6.1': ['services by kube-proxy’s iptables rules.*', 'a packet of the path’s MTU.*'],
  '6.12': ['services by kube-proxy’s iptables rules.*', 'an agent that is killed.*'],
}

/** The fast lane's scenarios are many, and slow in a guest: a few of them. */
export const laneSuite = (kernel: string) => ({
  files: ['services', 'switching', 'mtu'].map((name) => `test/fast_lane/${name}.test.ts`),
  titles: ['ten switches.*', ...(laneTitles[kernel] ?? [])].map((t) => `^${t}: fast lane, path vxlan$`),
})
