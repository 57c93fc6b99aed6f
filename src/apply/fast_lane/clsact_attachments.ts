// The same for kernels without tcx: a direct-action filter in the qdisc clsact of each hook's device. The filter holds
// the program, so nothing is pinned but the memory of which qdiscs are ours to remove: empty folders on the bpffs,
// which go when the machine does. Others' qdiscs and filters stay as they are.

import { mkdirSync, readdirSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'
import type { IfIndex } from '../../base/ifindex.ts'
import { fault, ok, type Result } from '../../base/result.ts'
import { programInfo } from '../../kernel/bpf/program_info.ts'
import { EEXIST } from '../../kernel/errno.ts'
import {
  addClsact,
  delClsact,
  delFilter,
  type FilterRow,
  getFilter,
  getFilters,
  parseFilter,
  type Side,
  setFilter,
} from '../../kernel/netlink/clsact.ts'
import { getLinkByName, getLinks, parseLink } from '../../kernel/netlink/link.ts'
import type { Answer, Message } from '../../kernel/netlink/message.ts'
import { getQdiscs, parseQdisc } from '../../kernel/netlink/qdisc.ts'
import { answerFault, NETLINK_ROUTE, NetlinkSocket } from '../../kernel/netlink/socket.ts'
import type { Attachments, Device, Hook } from './attachments.ts'

/** As seen from the host's end of a pair, veth and netkit alike. */
const SIDE: Readonly<Record<Hook, Side>> = {
  'pod-egress': 'ingress',
  'pod-ingress': 'egress',
  'uplink-ingress': 'ingress',
}
const SIDES: readonly Side[] = ['ingress', 'egress']

/** @param folder on a bpffs, for what must be remembered */
export function clsactAttachments(folder: string): Attachments {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const route = new NetlinkSocket(NETLINK_ROUTE)
  return {
    way: 'clsact',
    attach: (device, hook, program) => {
      const side = SIDE[hook]
      const standing = filterOf(route.request(getFilter(device.index, side)))
      if (standing && standing.ownName !== hook) return taken(device, side, standing)
      if (standing?.programId === programInfo(program.fd).id) return ok(false)
      const ready = standing ? ok(undefined) : ensureClsact(route, folder, device, side)
      if (!ready.ok) return ready
      return accepted(route, setFilter(device.index, side, hook, program.fd))
    },
    detach: (name) => {
      const found = route.request(getLinkByName(name))
      const link = found.ok && found.replies[0] ? parseLink(found.replies[0]) : undefined
      if (!link) return
      const isGone = detachFrom(route, link.index, remembered(folder).has(`${link.index}`))
      if (isGone) forget(folder, link.index)
    },
    isAttached: ({ index }, hook) => filterOf(route.request(getFilter(index, SIDE[hook])))?.ownName === hook,
    devices: () => devicesOf(route, folder),
    close: () => route.close(),
  }
}

function accepted(route: NetlinkSocket, message: Message): Result<boolean> {
  const answer = route.request(message)
  return answer.ok ? ok(true) : { ok: false, error: answerFault(message, answer) }
}

/** What stands in our place: undefined for a device without a qdisc or filter, and for one that is gone. */
const filterOf = (answer: Answer | undefined): FilterRow | undefined =>
  answer?.ok && answer.replies[0] ? parseFilter(answer.replies[0]) : undefined

const taken = (device: Device, side: Side, { kind, priority }: FilterRow): Result<never> =>
  fault(
    'fast-lane',
    `${side} of ${device.name}`,
    'a program of ours attached',
    `another ${kind} filter with priority ${priority}`,
    'give it another priority; until then its packets take the plain lane',
  )

/** A clsact that is there already serves as well, whoever made it; an `ingress` has one side only. */
function ensureClsact(route: NetlinkSocket, folder: string, device: Device, side: Side): Result<void> {
  const message = addClsact(device.index)
  const answer = route.request(message)
  if (answer.ok) {
    mkdirSync(join(folder, `${device.index}`), { recursive: true, mode: 0o700 })
    return ok(undefined)
  }
  if (answer.errno !== EEXIST) return { ok: false, error: answerFault(message, answer) }
  if (side === 'ingress' || hasClsact(route, device.index)) return ok(undefined)
  const next = 'have its owner make a clsact instead; until then policy on this side is the plain lane’s'
  return fault('fast-lane', `egress of ${device.name}`, 'the qdisc clsact', 'the qdisc ingress', next)
}

const hasClsact = (route: NetlinkSocket, index: IfIndex): boolean =>
  devicesWith(route, ['clsact']).includes(index)

const devicesWith = (route: NetlinkSocket, kinds: readonly string[]): IfIndex[] =>
  route
    .dump(getQdiscs())
    .map(parseQdisc)
    .filter((q) => kinds.includes(q.kind))
    .map((q) => q.device)

/** Our filters, and the qdisc if we made it and nobody else has a filter in it. @returns whether it is gone by that */
function detachFrom(route: NetlinkSocket, index: IfIndex, isOwn: boolean): boolean {
  const others: FilterRow[] = []
  for (const side of SIDES) {
    if (filterOf(route.request(getFilter(index, side)))?.ownName !== undefined)
      route.request(delFilter(index, side))
    if (isOwn) others.push(...route.dump(getFilters(index, side)).flatMap((body) => parseFilter(body) ?? []))
  }
  return isOwn && others.length === 0 && route.request(delClsact(index)).ok
}

/** Indices of devices whose qdisc we made. */
const remembered = (folder: string): ReadonlySet<string> => new Set(readdirSync(folder))

function forget(folder: string, index: IfIndex | string): void {
  if (remembered(folder).has(`${index}`)) rmdirSync(join(folder, `${index}`))
}

/** Asked of the kernel; what is remembered of devices that are gone is forgotten on the way. */
function devicesOf(route: NetlinkSocket, folder: string): string[] {
  const withQdisc = new Set(devicesWith(route, ['clsact', 'ingress']))
  for (const index of remembered(folder)) if (!withQdisc.has(Number(index) as IfIndex)) forget(folder, index)
  const places = [...withQdisc].flatMap((index) => SIDES.map((side) => ({ index, side })))
  const answers = route.batch(places.map(({ index, side }) => getFilter(index, side)))
  const own = new Set(
    places.filter((_, i) => filterOf(answers[i])?.ownName !== undefined).map(({ index }) => index),
  )
  return route
    .dump(getLinks())
    .map(parseLink)
    .filter((l) => own.has(l.index))
    .map((l) => l.name)
}
