// The lanes and paths that the scenarios run over, and how a node changes its lane.

import { type TestContext, test } from 'node:test'
import type { NodeBench } from '../agent/node_bench.ts'

export type Lane = 'plain' | 'fast'
export type Path = 'direct' | 'vxlan'
export type Setting = { readonly lane: Lane; readonly path: Path }

/** «fast» joins them with the agent that knows the key `lane`. */
export const lanes: readonly Lane[] = ['plain']
export const paths: readonly Path[] = ['direct', 'vxlan']

/** What the agent's config says of a lane; an agent without the key has the plain one only. */
export const laneConfig = (lane: Lane): object => (lanes.includes('fast') ? { lane } : {})

/** The other lane, where there is one. */
export const otherLane = (lane: Lane): Lane => lanes.find((other) => other !== lane) ?? lane

/** Resolves when the node sends its packets over this lane. */
export type SwitchLane = (node: NodeBench, lane: Lane) => Promise<void>
export const switchLane: SwitchLane = async () => {}

/** One test for each lane and path: all nodes of a cluster have the same. */
export function onEveryLane(title: string, work: (t: TestContext, setting: Setting) => Promise<void>): void {
  for (const lane of lanes)
    for (const path of paths) test(`${title}: ${lane} lane, path ${path}`, (t) => work(t, { lane, path }))
}
