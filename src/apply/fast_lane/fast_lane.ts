// The fast lane of a node: programs, their maps and where they are attached, made to stand as planned. Opened once;
// if that fails it says why, and every packet takes the plain network.

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { err, type Fault, fault, ok, type Result } from '../../base/result.ts'
import { ensureBpffs, isBpffs } from '../../kernel/bpf/bpffs.ts'
import { KIND } from '../../kernel/bpf/btf.ts'
import { KernelBtf } from '../../kernel/bpf/kernel_btf.ts'
import type { BpfMap } from '../../kernel/bpf/map.ts'
import type { Constants } from '../../kernel/bpf/object_maps.ts'
import type { BpfProgram } from '../../kernel/bpf/program.ts'
import { RingBuffer } from '../../kernel/bpf/ring_buffer.ts'
import type { FastLanePlan, FastPath, Lane } from '../../plan/fast_lane.ts'
import type { Config } from '../../schema/config.ts'
import type { FastLane, FlowCount, LaneEvent } from '../fast_lane_contract.ts'
import { merged, nothing, type Outcome } from '../outcome.ts'
import { type Choice, chooseAttachments, detachFormer } from './attachment_choice.ts'
import { type Epochs, mapEpochs } from './epochs.ts'
import { readEvent } from './events.ts'
import { type Lanes, lanesSpec, openLanes } from './lanes.ts'
import { LinkTable } from './links.ts'
import { openMaps } from './maps.ts'
import { PathTable } from './paths.ts'
import { attachAll, Pods } from './pods.ts'
import { mapSpecs, openPrograms, type ProgramName, readObjects } from './programs.ts'
import { Slots } from './slots.ts'
import { countedPaths, laneStatus, podCounts, sweepFlows } from './status.ts'
import { Table } from './table.ts'

export type Opened = Choice & {
  readonly maps: ReadonlyMap<string, BpfMap>
  readonly programs: ReadonlyMap<ProgramName, BpfProgram>
  readonly epochs: Epochs
  readonly pods: Pods
  readonly slots: Slots
  readonly paths: PathTable
  readonly lanes: Lanes
}

/** @param onEvent what the programs tell; without, nobody listens */
export function createFastLane(config: Config, onEvent?: (event: LaneEvent) => void): FastLane {
  let opened: Opened | undefined
  let events: RingBuffer | undefined
  let flows: FlowCount | undefined
  let refusal: Fault | undefined
  let plan: FastLanePlan | undefined
  let isSwept = false

  const laneOf = (peer: string | undefined): Lane => {
    const node = opened?.lanes.wish(undefined) ?? config.lane
    return peer === undefined ? node : (opened?.lanes.wish(peer) ?? node)
  }
  return {
    laneOf,
    isOpen: () => opened !== undefined,
    start: () => {
      const result = open(config)
      if (result.ok) {
        opened = result.value
        if (onEvent) events = listen(opened, onEvent)
      } else {
        refusal = result.error
        detachFormer(config.directories.bpf)
      }
      return refusal ? { changes: [], faults: [refusal] } : nothing
    },
    apply: (wanted, options) => {
      plan = wanted
      if (!opened) return { changes: [], faults: refusal ? [refusal] : [], switched: [] }
      // Both directions or neither: without the program at the uplink nothing goes out by the fast lane.
      const uplink = attachUplink(opened, wanted)
      const [refused] = uplink.faults
      const lanes: FastLanePlan = refused ? { ...wanted, paths: wanted.paths.map(plainFor(refused)) } : wanted
      plan = lanes
      const pods = opened.pods.apply(wanted, options.sweep)
      opened.slots.know(wanted, options.sweep)
      const paths = opened.paths.apply(lanes, options)
      const others = options.sweep ? detachOthers(opened, wanted) : nothing
      isSwept ||= options.sweep
      return { ...merged([uplink, pods, paths, others]), switched: paths.switched }
    },
    addPod: (endpoint, limited) => opened?.pods.add(endpoint, limited),
    attachNext: () => {
      const attached = opened?.pods.attachNext()
      return opened && attached && isSwept ? merged([attached, dropFormer(opened)]) : attached
    },
    removePod: (endpoint) => opened?.pods.remove(endpoint),
    linkGone: (endpoint) => opened?.pods.gone(endpoint),
    checkPod: (endpoint) => opened?.pods.missing(endpoint) ?? [],
    setLane: (peer, wish) => (opened ? opened.lanes.set(peer, wish) : err(refusal ?? notStarted)),
    status: () => laneStatus(opened, { plan, fault: refusal, flows, configured: config.lane }),
    countedPaths: () => (opened ? countedPaths(opened, { plan, configured: config.lane }) : []),
    podCounts: () => (opened ? podCounts(opened) : []),
    sweep: () => {
      if (opened) flows = sweepFlows(opened, config.fastLane)
    },
    close: () => {
      events?.close()
      opened?.attachments.close()
      for (const map of opened?.maps.values() ?? []) map.close()
      for (const program of opened?.programs.values() ?? []) program.close()
    },
  }
}

const notStarted: Fault = {
  kind: 'fast-lane',
  object: 'the fast lane',
  wanted: 'programs in the kernel',
  found: 'it was not started',
  next: 'start the agent first',
}

function listen(opened: Opened, onEvent: (event: LaneEvent) => void): RingBuffer | undefined {
  const map = opened.maps.get('events')
  return (
    map &&
    new RingBuffer(map, (record) => {
      const event = readEvent(record)
      if (event) onEvent(event)
    })
  )
}

function open(config: Config): Result<Opened> {
  const folder = config.directories.bpf
  const ready = ensureFolder(folder)
  if (!ready.ok) return ready
  const { flows, newFlows } = config.fastLane
  const objects = readObjects({ flows, half_open: newFlows })
  if (!objects.ok) return objects
  const maps = openMaps(join(folder, 'maps'), [...mapSpecs(objects.value), lanesSpec])
  if (!maps.ok) return maps
  const programs = openPrograms(join(folder, 'programs'), objects.value, maps.value, constantsOf(config))
  if (!programs.ok) return programs
  const choice = chooseAttachments(folder, config.fastLane.attach)
  if (!choice.ok) return choice
  const map = (name: string): BpfMap => {
    const found = maps.value.get(name)
    if (!found) throw new Error(`no program has a map ${name}`)
    return found
  }
  const epochs = mapEpochs(map('epochs'))
  const slots = new Slots(new LinkTable(map('links')), map('pod_counts'))
  const pathMaps = {
    paths: map('paths'),
    path_counts: map('path_counts'),
    hops: map('hops'),
    neighbours: map('neighbours'),
    tunnels: map('tunnels'),
    ranges: map('ranges'),
  }
  return ok({
    maps: maps.value,
    programs: programs.value,
    ...choice.value,
    epochs,
    slots,
    pods: new Pods({
      programs: programs.value,
      attachments: choice.value.attachments,
      endpoints: new Table(map('endpoints')),
      epochs,
      slots,
    }),
    paths: new PathTable(pathMaps, epochs),
    lanes: openLanes(map('lanes')),
  })
}

/** `/sys/fs/bpf/podlane`: a folder on a bpffs, which is mounted where it should be if it is not. */
export function ensureFolder(folder: string): Result<void> {
  const parent = join(folder, '..')
  try {
    if (!isBpffs(folder) && !isBpffs(parent)) {
      const mounted = ensureBpffs(parent, folder.slice(parent.length + 1))
      return mounted.ok ? ok(undefined) : mounted
    }
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    return ok(undefined)
  } catch (error) {
    const found = error instanceof Error ? error.message : String(error)
    const next = 'name one with directories.bpf; until then all traffic takes the plain lane'
    return fault('fast-lane', `folder ${folder}`, 'a folder on a bpffs', found, next)
  }
}

function constantsOf(config: Config): Constants {
  const kernel = new KernelBtf()
  const vmlinux = kernel.find(KIND.STRUCT, 'sk_buff')?.btf
  const constants = {
    have_conntrack: kernel.find(KIND.FUNC, 'bpf_skb_ct_lookup') ? 1 : 0,
    have_decap_family: vmlinux?.stringOffset('BPF_F_ADJ_ROOM_DECAP_L3_IPV4') === undefined ? 0 : 1,
    vxlan_port: config.vxlan.port,
    vxlan_vni: config.vxlan.vni,
    // No pod may have more than half of what there is.
    flow_share: Math.floor(config.fastLane.flows / 2),
    half_open_share: Math.floor(config.fastLane.newFlows / 4),
  }
  kernel.close()
  return constants
}

const plainFor =
  (refused: Fault) =>
  (path: FastPath): FastPath => ({
    ...path,
    lane: 'plain',
    why: `no program at the uplink: ${refused.found}`,
  })

function attachUplink(opened: Opened, { uplink }: FastLanePlan): Outcome {
  return uplink ? attachAll(opened, uplink, [['uplink-ingress', 'uplink_ingress']]) : nothing
}

function detachOthers(opened: Opened, { endpoints, uplink }: FastLanePlan): Outcome {
  const wanted = new Set([...endpoints.map((e) => e.link.name), ...(uplink ? [uplink.name] : [])])
  const surplus = opened.attachments.devices().filter((name) => !wanted.has(name))
  for (const name of surplus) opened.attachments.detach(name)
  return merged([off(surplus), dropFormer(opened)])
}

/** The other way's programs serve the pods that still wait for this way's. */
const dropFormer = (opened: Opened): Outcome =>
  opened.pods.waiting === 0 ? off(opened.dropFormer()) : nothing

const off = (devices: readonly string[]): Outcome => ({
  changes: devices.map((name) => `fast lane: off ${name}`),
  faults: [],
})
