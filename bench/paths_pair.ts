// Two nodes with a pod on each: what every candidate is built on.

import { inside, type Node } from './lib/segment.ts'

/** A node, the range of its pods and the namespace of its one pod. */
export type Side = { readonly node: Node; readonly range: string; readonly pod: string }
export type Pair = readonly [Side, Side]

/** The pod's first IPv4 address. */
export function addressOf(pod: string): string {
  const found = /inet ([\d.]+)/.exec(inside(pod, 'ip', '-4', '-o', 'address', 'show', 'dev', 'eth0'))?.[1]
  if (!found) throw new Error(`${pod} has no address`)
  return found
}
