// A node's fast lane in memory, without packets: the programs and maps as the agent opens and fills them.

import { readdirSync, rmSync } from 'node:fs'
import { createFastLane } from '../src/apply/fast_lane/fast_lane.ts'
import { addressKey, endpointValue } from '../src/apply/fast_lane/values.ts'
import type { IfIndex } from '../src/base/ifindex.ts'
import { must } from '../src/base/result.ts'
import { type BpfMap, openPinnedMap } from '../src/kernel/bpf/map.ts'
import { type BpfProgram, openPinnedProgram } from '../src/kernel/bpf/program.ts'
import type { FastPod } from '../src/plan/fast_lane.ts'
import { parseConfig } from '../src/schema/config.ts'
import { type FlowMaps, writeFlows } from './flat_flows.ts'
import type { Flow } from './flat_frames.ts'
import { flatPlan, flatPods } from './flat_world.ts'
import { BPF_FOLDER } from './lib/agent_process.ts'

export const FLOW_ROOM = 1_048_576

export type Size = {
  readonly name: string
  readonly nodes: number
  readonly pods: number
  readonly flows: readonly Flow[]
}
export type Links = { readonly pod: IfIndex; readonly uplink: IfIndex }
export type FlatNode = Size & {
  readonly egress: number
  readonly ingress: number
  readonly empty: number
  readonly fillMs: number
  /** Adds flows to the table. */
  readonly remember: (flows: readonly Flow[]) => void
  /** How many valid flows there are. */
  readonly count: () => number
  /** Takes programs and maps out of the kernel. */
  readonly close: () => void
}

export function makeFlatNode(size: Size, links: Links): FlatNode {
  const folder = `${BPF_FOLDER}/${size.name}`
  const text = `nodeName: a\nfastLane: { flows: ${FLOW_ROOM} }\ndirectories: { bpf: ${folder} }\n`
  const fastLane = createFastLane(must(parseConfig(text, size.name)))
  const began = performance.now()
  const outcomes = [
    fastLane.start(),
    fastLane.apply(flatPlan(size.nodes, links.uplink), { sweep: false, again: false }),
  ]
  const faults = outcomes.flatMap((o) => o.faults)
  if (faults[0]) throw new Error(`${size.name}: ${faults[0].object}: ${faults[0].found}`)
  writePods(folder, flatPods(size.pods, links.pod))
  const fillMs = performance.now() - began
  const maps = flowMaps(folder)
  const programs = new Map(
    ['pod_egress', 'uplink_ingress', 'pod_ingress'].map((name) => [
      name,
      openProgram(`${folder}/programs`, name),
    ]),
  )
  const program = (name: string): number => programs.get(name)?.fd ?? -1
  const remember = (flows: readonly Flow[]): void => writeFlows(maps, flows, links.pod)
  remember(size.flows)
  return {
    ...size,
    egress: program('pod_egress'),
    ingress: program('uplink_ingress'),
    empty: program('pod_ingress'),
    fillMs,
    remember,
    count: () => {
      fastLane.sweep()
      return fastLane.status().flows?.entries ?? 0
    },
    close: () => {
      fastLane.close()
      for (const opened of [...Object.values(maps), ...programs.values()]) opened.close()
      rmSync(folder, { recursive: true })
    },
  }
}

/** Of a node's folder on its bpffs. */
export function flowMaps(folder: string): FlowMaps {
  const map = (name: string): BpfMap => {
    const opened = must(openPinnedMap(`${folder}/maps/${name}`))
    if (!opened) throw new Error(`no map ${name} in ${folder}`)
    return opened
  }
  return { flows: map('flows'), epochs: map('epochs'), ranges: map('ranges') }
}

function openProgram(folder: string, name: string): BpfProgram {
  const file = readdirSync(folder).find((f) => f.startsWith(`${name}-`))
  const program = file === undefined ? undefined : must(openPinnedProgram(`${folder}/${file}`, name))
  if (!program) throw new Error(`no program ${name} in ${folder}`)
  return program
}

export function writePods(folder: string, pods: readonly FastPod[]): void {
  const endpoints = must(openPinnedMap(`${folder}/maps/endpoints`))
  if (!endpoints) throw new Error(`${folder} has no map of its pods`)
  must(endpoints.updateBatch(pods.map((pod) => [addressKey(pod.ip), endpointValue(pod)])))
  endpoints.close()
}
