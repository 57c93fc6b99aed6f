// The lanes and paths that the scenarios run over, and how a node changes its lane.

import { type TestContext, test } from 'node:test'
import type { Family } from '../../src/base/ip.ts'
import type { NodeBench } from '../agent/node_bench.ts'

export type Lane = 'plain' | 'fast'
export type Path = 'direct' | 'vxlan'
export type Setting = {
  /** Of all nodes, or of each. */
  readonly lane: Lane | readonly Lane[]
  readonly path: Path
  /** Of the nodes' own addresses; absent: both. */
  readonly underlay?: readonly Family[]
  /** How programs are attached; absent: as the kernel can. */
  readonly attach?: 'clsact'
}

export const lanes: readonly Lane[] = ['plain', 'fast']
export const paths: readonly Path[] = ['direct', 'vxlan']

/** What the agent's config says of a lane. */
export const laneConfig = (lane: Lane, { attach }: Setting): object => ({
  lane,
  fastLane: { attach: attach ?? 'auto' },
})

/** The other lane, where there is one. */
export const otherLane = (lane: Lane): Lane => lanes.find((other) => other !== lane) ?? lane

/** Resolves when the node sends its packets over this lane. */
export type SwitchLane = (node: NodeBench, lane: Lane) => Promise<void>
export const switchLane: SwitchLane = async (node, lane) => {
  await node.setLane(lane)
}

export type Uniform = Setting & { readonly lane: Lane }
type Work<S extends Setting = Uniform> = (t: TestContext, setting: S) => Promise<void>

/** One test for each lane and path: all nodes of a cluster have the same. @param on the paths that it is about */
export function onEveryLane(title: string, work: Work, on: readonly Path[] = paths): void {
  for (const lane of lanes)
    for (const path of on) test(`${title}: ${lane} lane, path ${path}`, (t) => work(t, { lane, path }))
}

/** The first node on one lane, the second on another, for each two lanes and each path. */
export function onMixedLanes(title: string, work: Work<Setting>): void {
  for (const one of lanes)
    for (const two of lanes.filter((lane) => lane !== one))
      for (const path of paths)
        test(`${title}: ${one} lane to ${two} lane, path ${path}`, (t) => work(t, { lane: [one, two], path }))
}

/** The same between nodes that have no IPv4 address. */
export function overIpv6(title: string, work: Work): void {
  for (const lane of lanes)
    test(`${title}: ${lane} lane, path vxlan over IPv6`, (t) =>
      work(t, { lane, path: 'vxlan', underlay: [6] }))
}

/** The fast lane in the way of kernels without tcx. */
export function byClsact(title: string, work: Work): void {
  test(`${title}: fast lane by clsact, path vxlan`, (t) =>
    work(t, { lane: 'fast', path: 'vxlan', attach: 'clsact' }))
}
