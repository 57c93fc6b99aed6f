// The built programs in the kernel, with maps of their own and real links to speak of. Packets are given to a program
// by BPF_PROG_TEST_RUN: none is sent.

import assert from 'node:assert/strict'
import { after } from 'node:test'
import { reasonWords } from '../../../src/apply/fast_lane/abi.ts'
import { type Epochs, mapEpochs } from '../../../src/apply/fast_lane/epochs.ts'
import { LinkTable } from '../../../src/apply/fast_lane/links.ts'
import { PathTable } from '../../../src/apply/fast_lane/paths.ts'
import { mapSpecs, type ProgramName, readObjects } from '../../../src/apply/fast_lane/programs.ts'
import { Slots } from '../../../src/apply/fast_lane/slots.ts'
import { Table } from '../../../src/apply/fast_lane/table.ts'
import { addressKey, endpointValue, indexKey } from '../../../src/apply/fast_lane/values.ts'
import type { IfIndex } from '../../../src/base/ifindex.ts'
import { parseMac } from '../../../src/base/mac.ts'
import { must } from '../../../src/base/result.ts'
import { KIND } from '../../../src/kernel/bpf/btf.ts'
import { sumPerCpu } from '../../../src/kernel/bpf/cpus.ts'
import { KernelBtf } from '../../../src/kernel/bpf/kernel_btf.ts'
import { type BpfMap, createMap } from '../../../src/kernel/bpf/map.ts'
import type { BpfObject } from '../../../src/kernel/bpf/object.ts'
import { type LoadedObject, loadObject } from '../../../src/kernel/bpf/program.ts'
import { runOnPacket, type SkbRun } from '../../../src/kernel/bpf/test_run.ts'
import { addVeth, getLinkByName, parseLink, setLink } from '../../../src/kernel/netlink/link.ts'
import type { FastPath, FastPod, Lane } from '../../../src/plan/fast_lane.ts'
import { GATEWAY_MAC } from '../../../src/plan/ownership.ts'
import { type Lifetime, type TestNamespace, testNamespace } from '../../namespaces.ts'

/** TC_ACT_REDIRECT; TC_ACT_UNSPEC, which is TCX_NEXT; TC_ACT_SHOT. */
export const VERDICT = { redirect: 7, stack: -1, drop: 2 } as const

/** Of the pods' own links. */
export const HERE_MTU_BYTES = 1500

export const gatewayMac = must(parseMac(GATEWAY_MAC))
export const uplinkMac = must(parseMac('02:00:00:00:01:01'))

export type Constants = Readonly<Record<string, number>>
export type Topology = {
  readonly here: Lane
  readonly pods: readonly FastPod[]
  readonly paths: readonly FastPath[]
}
export type Ran = {
  readonly verdict: number
  readonly packet: Buffer
  /** Counted by this run. */
  readonly reasons: readonly string[]
}
/** Handed on untouched, for this reason; without one, nothing was counted. */
export const toStack = (packet: Buffer, reason?: string): Ran => ({
  verdict: VERDICT.stack,
  packet,
  reasons: reason === undefined ? [] : [reason],
})

export type Devices = {
  readonly node: TestNamespace
  /** Where the other ends of its links are, under the same names. */
  readonly beyond: TestNamespace
  readonly pods: readonly IfIndex[]
  readonly uplink: IfIndex
  /** Stands for the node's tunnel device: what comes in by it is said by its index alone. */
  readonly tunnel: IfIndex
}
export type Bed = Devices & {
  readonly map: (name: string) => BpfMap
  readonly program: (name: ProgramName) => number
  readonly epochs: Epochs
  readonly slots: Slots
  readonly run: (name: ProgramName, at: IfIndex, packet: Buffer, skb?: SkbRun['skb']) => Ran
  /** Pods and paths as the agent would write them, and epochs raised where it would. */
  readonly lay: (topology: Topology) => void
  /** No flow is known any more, and nothing has been heard of any hop. */
  readonly forget: () => void
}
export type BedOptions = {
  readonly constants?: Constants
  readonly flows?: number
  readonly newFlows?: number
}

const fileLifetime: Lifetime = { after: (work) => after(work) }

/** Stands until the file's tests are over. */
export function bed(options: BedOptions = {}): Bed {
  const devices = devicesFor(fileLifetime, 4)
  const { maps, loaded } = load(options)
  const map = (name: string): BpfMap => maps.get(name) ?? assert.fail(`no map ${name}`)
  const program = (name: ProgramName): number => loaded.get(name)?.program(name).fd ?? assert.fail(name)
  const epochs = mapEpochs(map('epochs'))
  const endpoints = new Table(map('endpoints'))
  const slots = new Slots(new LinkTable(map('links')), map('pod_counts'))
  const paths = pathTable(map, epochs)
  const run: Bed['run'] = (name, at, packet, skb = {}) => {
    const before = counts(map('reasons'))
    const done = devices.node.inside(() =>
      runOnPacket(program(name), { packet, skb: { ...skb, ifindex: at } }),
    )
    const { verdict, packet: out } = must(done)
    const after = counts(map('reasons'))
    const reasons = [...after].flatMap(([why, n]) => Array<string>(n - (before.get(why) ?? 0)).fill(why))
    return { verdict, packet: Buffer.from(out), reasons }
  }
  return {
    ...devices,
    map,
    program,
    epochs,
    slots,
    run,
    lay: ({ here, pods, paths: wanted }) => {
      layPods({ endpoints, epochs, slots }, pods)
      const { uplink, tunnel } = devices
      const links = pods.map(({ index }) => ({ link: { index } }))
      slots.know({ uplink: { index: uplink }, tunnel, endpoints: links }, true)
      const local = { lane: here, mtuBytes: HERE_MTU_BYTES, own: [], paths: wanted }
      const applied = paths.apply(local, { sweep: true, again: true })
      assert.deepEqual(applied.faults, [])
    },
    forget: () => {
      for (const name of ['flows', 'half_open'])
        for (const [key] of [...map(name).entries()]) map(name).delete(key)
      for (const name of ['shares', 'hops'])
        for (const [key, value] of [...map(name).entries()])
          if (value.some((b) => b !== 0)) map(name).update(key, Buffer.alloc(map(name).valueBytes))
    },
  }
}

const pathTable = (map: (name: string) => BpfMap, epochs: Epochs): PathTable =>
  new PathTable(
    {
      paths: map('paths'),
      path_counts: map('path_counts'),
      hops: map('hops'),
      neighbours: map('neighbours'),
      tunnels: map('tunnels'),
      ranges: map('ranges'),
    },
    epochs,
  )

type PodTables = { readonly endpoints: Table; readonly epochs: Epochs; readonly slots: Slots }

function layPods({ endpoints, epochs, slots }: PodTables, pods: readonly FastPod[]): void {
  const wanted = new Set(pods.map((p) => addressKey(p.ip).toString('latin1')))
  const gone = endpoints.keys().filter((key) => !wanted.has(key.toString('latin1')))
  for (const key of gone) endpoints.delete(key)
  const set = (pod: FastPod) => endpoints.set(addressKey(pod.ip), endpointValue(pod, slots.take(pod.index)))
  const written = pods.filter((pod) => set(pod) === true)
  epochs.raise(written.map((p) => p.ip))
  if (gone.length > 0) epochs.raiseAll()
}

/** By name, over all processors; in one call of the kernel, since every run asks twice. */
const counts = (map: BpfMap): ReadonlyMap<string, number> =>
  new Map(
    [...map.entries()].map(([key, value]) => [
      reasonWords.get(key.readUInt32LE(0))?.[0].toLowerCase() ?? '',
      sumPerCpu(value, map.spec.valueSize),
    ]),
  )

/** A node's namespace with links to pods and one to the underlay; their other ends are elsewhere. */
export function devicesFor(lifetime: Lifetime, pods: number): Devices {
  const node = testNamespace(lifetime)
  const beyond = testNamespace(lifetime)
  const add = (name: string, mac: typeof gatewayMac): IfIndex => {
    const ask = (message: ReturnType<typeof addVeth>, space = node) => {
      const answer = space.route.request(message)
      return answer.ok ? answer.replies : assert.fail(`${message.object}: ${JSON.stringify(answer)}`)
    }
    const peer = { name, mac: must(parseMac('02:00:00:00:02:02')), netnsFd: beyond.fd }
    ask(addVeth({ name, mac, mtuBytes: 1500, group: 0, peer }))
    ask(setLink(name, { up: true, noLinkLocal: true }))
    ask(setLink(name, { up: true, noLinkLocal: true }), beyond)
    return parseLink(ask(getLinkByName(name))[0] ?? assert.fail(name)).index
  }
  return {
    node,
    beyond,
    pods: Array.from({ length: pods }, (_, i) => add(`pod${i}`, gatewayMac)),
    uplink: add('up0', uplinkMac),
    tunnel: add('tunnel0', uplinkMac),
  }
}

/** What this kernel can, unless the caller wants it otherwise. */
function kernelConstants(kernel: KernelBtf): Constants {
  const strings = kernel.find(KIND.STRUCT, 'sk_buff')?.btf
  return {
    have_conntrack: kernel.find(KIND.FUNC, 'bpf_skb_ct_lookup') ? 1 : 0,
    have_decap_family: strings?.stringOffset('BPF_F_ADJ_ROOM_DECAP_L3_IPV4') === undefined ? 0 : 1,
  }
}

function load({ constants, flows = 4096, newFlows = 4096 }: BedOptions) {
  const objects = must(readObjects({ flows, half_open: newFlows }))
  const maps = new Map(mapSpecs(objects).map((spec) => [spec.name, must(createMap(spec))]))
  using kernel = new KernelBtf()
  const all = { ...kernelConstants(kernel), ...constants }
  const loaded = new Map<string, LoadedObject>()
  for (const object of objects) {
    const options = { maps, constants: ownConstants(object, all), kernel, classifierAttachType: 0 }
    loaded.set(object.name, must(loadObject(object, options)))
  }
  after(() => {
    for (const object of loaded.values()) object.close()
    for (const map of maps.values()) map.close()
  })
  return { maps, loaded }
}

function ownConstants(object: BpfObject, all: Constants): Constants {
  const names = new Set(object.data.flatMap((d) => d.variables.map((v) => v.name)))
  return Object.fromEntries(Object.entries(all).filter(([name]) => names.has(name)))
}

export const entryAt = (map: BpfMap, index: number): Buffer =>
  map.lookup(indexKey(index)) ?? assert.fail(`no entry ${index}`)
