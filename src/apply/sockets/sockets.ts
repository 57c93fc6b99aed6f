// From socket to socket: the record of this node's pods, always; the programs, while a pod has opted in.

import { join } from 'node:path'
import type { Ip } from '../../base/ip.ts'
import { type Fault, ok, type Result } from '../../base/result.ts'
import { sumPerCpu } from '../../kernel/bpf/cpus.ts'
import type { BpfMap } from '../../kernel/bpf/map.ts'
import { type BpfObject, readObject } from '../../kernel/bpf/object.ts'
import { planSockets, type SocketWish } from '../../plan/sockets.ts'
import type { Config } from '../../schema/config.ts'
import { layouts, socketEvent } from '../fast_lane/abi.ts'
import { type Epochs, mapEpochs } from '../fast_lane/epochs.ts'
import { ensureFolder } from '../fast_lane/fast_lane.ts'
import { openMaps } from '../fast_lane/maps.ts'
import { indexKey } from '../fast_lane/values.ts'
import type { Outcome } from '../outcome.ts'
import type { SocketCount, Sockets, SocketsStatus } from '../sockets_contract.ts'
import { netnsCookie } from './netns_cookie.ts'
import { SocketPods } from './pods.ts'
import { isOn, switchOff, switchOn } from './switch.ts'

export const RECORD = 'socket_pods'

type Opened = {
  readonly folder: string
  readonly object: BpfObject
  readonly record: BpfMap
  readonly pods: SocketPods
}
type Running = { readonly epochs: Epochs; readonly counts: BpfMap; readonly close: () => void }

const EVENTS: readonly (readonly [number, name: string, why: string])[] = [
  [socketEvent.SOCKET_JOINED, 'sockets', 'ends of connections between pods that have opted in'],
  [socketEvent.SOCKET_SHORT, 'short', 'messages put straight into the other socket'],
  [socketEvent.SOCKET_STACK, 'stack', 'messages of such sockets that took the stack'],
  [socketEvent.SOCKET_EARLY, 'early', 'directions that began before the other end was known'],
  [socketEvent.SOCKET_SLOW, 'slow', 'directions whose receiver lagged behind'],
  [socketEvent.SOCKET_VOID, 'void', 'directions that are not allowed any more'],
  [socketEvent.SOCKET_TLS, 'tls', 'directions that the kernel encrypts'],
]

/** Opened by its first use. What it cannot do stands in `status`, and in the faults of `apply` if a pod wishes it. */
export function createSockets(config: { readonly directories: Pick<Config['directories'], 'bpf'> }): Sockets {
  const state: State = { opened: undefined, running: undefined, wishes: [], unknown: 0, fault: undefined }
  const record = (): Opened | undefined => {
    state.opened ??= open(config.directories.bpf)
    return state.opened.ok ? state.opened.value : undefined
  }
  return {
    apply: (wishes, endpoints, { sweep }) => {
      const wanted = planSockets(wishes, endpoints)
      state.wishes = wishes
      const opened = record()
      if (!opened) return refused(state, wanted)
      const ips = endpoints.flatMap((e) => e.addresses)
      if (sweep) opened.pods.keep(ips)
      state.unknown = [...wanted].filter((ip) => !opened.pods.knows(ip)).length
      // Before the inputs are in sync nobody has said that somebody does not want it.
      if (!sweep && wanted.size === 0) return resume(state, opened)
      return apply(state, opened, ips, wanted, sweep)
    },
    addPod: (endpoint, netnsFd) => {
      const opened = record()
      const cookie = netnsCookie(netnsFd)
      if (!opened || !cookie.ok) return
      const wanted = planSockets(state.wishes, [endpoint])
      for (const ip of endpoint.addresses) opened.pods.add(ip, cookie.value, wanted.has(ip))
    },
    removePod: (endpoint) => {
      const opened = record()
      if (!opened) return
      for (const ip of endpoint.addresses) opened.pods.remove(ip)
      state.running?.epochs.raise(endpoint.addresses)
    },
    status: () => statusOf(state),
    close: () => {
      state.running?.close()
      if (state.opened?.ok) state.opened.value.record.close()
    },
  }
}

type State = {
  opened: Result<Opened> | undefined
  running: Running | undefined
  wishes: readonly SocketWish[]
  /** Opted in, but no ADD has told of them: made by an older agent. */
  unknown: number
  fault: Fault | undefined
}

function open(bpf: string): Result<Opened> {
  const ready = ensureFolder(bpf)
  if (!ready.ok) return ready
  const object = readObject('sockets')
  if (!object.ok) return object
  const folder = join(bpf, 'sockets')
  const maps = openMaps(
    folder,
    object.value.maps.filter((m) => m.name === RECORD),
  )
  if (!maps.ok) return maps
  const record = maps.value.get(RECORD)
  if (!record) throw new Error(`no program has a map ${RECORD}`)
  return ok({ folder, object: object.value, record, pods: new SocketPods(record) })
}

/** What no pod wishes may be missing. */
function refused(state: State, wanted: ReadonlySet<Ip>): Outcome {
  state.fault = state.opened?.ok === false ? state.opened.error : undefined
  return { changes: [], faults: state.fault && wanted.size > 0 ? [state.fault] : [] }
}

/** After a restart: the programs that stand, in the version of this agent. */
function resume(state: State, opened: Opened): Outcome {
  return isOn(opened.folder) ? start(state, opened) : { changes: [], faults: [] }
}

function apply(
  state: State,
  opened: Opened,
  ips: readonly Ip[],
  wanted: ReadonlySet<Ip>,
  sweep: boolean,
): Outcome {
  const on = wanted.size > 0 ? start(state, opened) : resume(state, opened)
  const faults = [...on.faults]
  const left: Ip[] = []
  const changes = [...on.changes]
  for (const ip of ips) {
    if (!wanted.has(ip) && !sweep) continue
    const written = opened.pods.setOpted(ip, wanted.has(ip))
    if (written === true) changes.push(`sockets: pod ${ip} ${wanted.has(ip) ? 'in' : 'out'}`)
    else if (written !== false) faults.push(written)
    if (written === true && !wanted.has(ip)) left.push(ip)
  }
  state.running?.epochs.raise(left)
  if (wanted.size === 0 && isOn(opened.folder)) changes.push(stop(state, opened))
  return { changes, faults }
}

function start(state: State, opened: Opened): Outcome {
  if (state.running && isOn(opened.folder)) return { changes: [], faults: [] }
  const on = switchOn(opened.folder, opened.object, opened.record)
  state.fault = on.ok ? undefined : on.error
  if (!on.ok) return { changes: [], faults: [on.error] }
  const { epochs, counts, isNew } = on.value
  state.running?.close()
  state.running = {
    epochs: mapEpochs(epochs),
    counts,
    close: () => {
      epochs.close()
      counts.close()
    },
  }
  return { changes: isNew ? ['sockets: programs attached'] : [], faults: [] }
}

/** Connections that were taken go on in the stack, after what waits in their short queues. */
function stop(state: State, opened: Opened): string {
  state.running?.epochs.raiseAll()
  state.running?.close()
  state.running = undefined
  switchOff(opened.folder, RECORD)
  return 'sockets: programs removed'
}

function statusOf(state: State): SocketsStatus {
  const { running, fault } = state
  const pods = state.opened?.ok ? state.opened.value.pods.opted : 0
  const counts = running ? EVENTS.map((event) => readCount(running.counts, ...event)) : []
  const unknown = { name: 'unready', why: 'addresses of pods that must be made anew first', bytes: 0 }
  return {
    state: running ? 'on' : fault ? 'missing' : 'off',
    fault,
    pods,
    counts: state.unknown === 0 ? counts : [...counts, { ...unknown, events: state.unknown }],
  }
}

function readCount(map: BpfMap, index: number, name: string, why: string): SocketCount {
  const { events, bytes } = layouts.socket_count
  const value = map.lookup(indexKey(index)) ?? Buffer.alloc(map.valueBytes)
  const sum = (at: number): number => sumPerCpu(value, map.spec.valueSize, at)
  return { name, why, events: sum(events.at), bytes: sum(bytes.at) }
}
