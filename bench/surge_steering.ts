// Where the path's work is done. Over veth the sender's core would carry a request through both nodes, so that the
// generator would slow down with what it loads. Receive packet steering at the host's end of the client pod's veth hands
// each request over to the path's cores, as a NIC's interrupt would.

import { inside } from './lib/segment.ts'
import type { Placing } from './lib/surge_load.ts'
import type { Candidate } from './paths_candidates.ts'

/** The generator on the last core, the path on the first one: both nodes' halves of the way and the server. */
export const ONE_CORE = (cores: number): Placing => ({ generator: cores - 1, path: [0] })

export function steer({ nodes: [node], ends, name }: Candidate, { path }: Placing): void {
  const device = hostEnd(node.path, ends.client)
  if (!device) throw new Error(`${name}: the client pod's veth has no end in its node`)
  const mask = path.reduce((bits, cpu) => bits | (1n << BigInt(cpu)), 0n).toString(16)
  // Of a namespace's devices only a sysfs that was mounted in it tells.
  const script = `mount -t sysfs sysfs /sys && echo ${mask} > /sys/class/net/${device}/queues/rx-0/rps_cpus`
  inside(node.path, 'unshare', '--mount', 'sh', '-c', script)
}

function hostEnd(node: string, pod: string): string | undefined {
  const index = /^\d+: eth0@if(\d+):/.exec(inside(pod, 'ip', '-o', 'link', 'show', 'dev', 'eth0'))?.[1]
  const lines = inside(node, 'ip', '-o', 'link', 'show').split('\n')
  return lines.map((line) => /^(\d+): ([^@:]+)/.exec(line)).find((found) => found?.[1] === index)?.[2]
}
