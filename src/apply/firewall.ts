// Our nft tables in the kernel: built at start, their elements compared and written in single transactions. What the
// sets of cooling addresses and hostPorts hold outlives the agent: they are its memory.

import { type Cidr, cidrContains, cidrFamily } from '../base/cidr.ts'
import { type Clock, systemClock } from '../base/clock.ts'
import type { IfIndex } from '../base/ifindex.ts'
import { type Family, type Ip, ipFromBytes } from '../base/ip.ts'
import type { Mac } from '../base/mac.ts'
import { err, ok, type Result } from '../base/result.ts'
import { ENOENT } from '../kernel/errno.ts'
import { answerFault, NETLINK_NETFILTER, NetlinkSocket } from '../kernel/netlink/socket.ts'
import { removeFlows, removeFlowsToPort } from '../kernel/nft/conntrack.ts'
import {
  addElements,
  batchBegin,
  batchEnd,
  delElements,
  type Element,
  type ElementMessage,
  elementKey,
  getElements,
  getSet,
  type Intervals,
  ipField,
  joinIntervals,
  joinRanges,
  type NftFamily,
  parseElements,
  type ReadElement,
} from '../kernel/nft/element.ts'
import { listTable, loadRuleset } from '../kernel/nft/table.ts'
import { removeUntranslated } from '../kernel/nft/untranslated.ts'
import {
  type FirewallElements,
  PROTOCOL,
  planFirewall,
  podElements,
  readHostPort,
  readPodSource,
  type SetElements,
} from '../plan/firewall.ts'
import { NFT_TABLE } from '../plan/ownership.ts'
import { arpSets, inetSets, rulesetOf, versionOf } from '../plan/ruleset.ts'
import type { Config } from '../schema/config.ts'
import type { HostPort } from '../state/wishes.ts'
import { byKey, difference } from './difference.ts'
import type { Firewall, FirewallPod } from './firewall_contract.ts'
import { merged, nothing, type Outcome } from './outcome.ts'

const tables = { inet: inetSets, arp: arpSets } as const
const intervalsOf = (family: NftFamily, set: string): Intervals =>
  tables[family].get(set)?.intervals ?? 'none'
const ref = (family: NftFamily, set: string) => ({ family, table: NFT_TABLE, set })

/** A write of elements that already reads as it should leaves nothing to do. */
type Edit = { readonly remove: readonly ElementMessage[]; readonly add: readonly ElementMessage[] }

export function createFirewall(config: Config, clock: Pick<Clock, 'nowMs'> = systemClock): Firewall {
  const socket = new NetlinkSocket(NETLINK_NETFILTER)
  const cooling = createCoolingRecord(clock)
  return {
    start: () => buildTables(socket, config),
    recall: () => {
      const recalled = recallCooling(socket)
      for (const { ip, remainingMs } of recalled) cooling.note(ip, remainingMs)
      return { hostPorts: recallHostPorts(socket), cooling: recalled, sources: recallSources(socket) }
    },
    apply: (state, sweep) => {
      // `nft flush ruleset`, with which Debian's nftables.conf begins, takes our tables away too.
      const stands = socket.request(getSet(ref('inet', versionOf(config)))).ok
      const built = stands ? nothing : buildTables(socket, config)
      if (built.faults.length > 0) return built
      return merged([built, applyElements(socket, planFirewall(state, config), sweep)])
    },
    addPod: (pod) => {
      const resting = pod.addresses.filter(cooling.has)
      const done = commit(socket, {
        remove: coolingOf(resting).flatMap(({ set, e }) => delElements(set, [e])),
        add: podMessages(pod, 'add'),
      })
      if (done.ok) forgetUntranslated(socket, pod)
      return done
    },
    removePod: (pod, coolDownMs) => {
      for (const ip of pod.addresses) cooling.note(ip, coolDownMs)
      return removePod(socket, pod, coolDownMs)
    },
    checkPod: (pod) => missingElements(socket, pod),
    forgetUntranslated: (own, others) => {
      const within = (ranges: readonly Cidr[], ip: Ip): boolean => ranges.some((r) => cidrContains(r, ip))
      const concerns = (a: Ip, b: Ip): boolean =>
        (within(own, a) && within(others, b)) || (within(others, a) && within(own, b))
      for (const family of new Set(own.map(cidrFamily))) removeUntranslated(socket, family, concerns)
    },
    close: () => socket.close(),
  }
}

/**
 * Which addresses rest in the kernel's set, so that an ADD does not try to remove what is not there: the transaction
 * that the kernel must abort for that costs it a grace period, more than all the rest of an ADD.
 */
function createCoolingRecord(clock: Pick<Clock, 'nowMs'>) {
  /** BOUNDED by the addresses of the node's ranges that pods had within the cool-down. Value: end in ms. */
  const ends = new Map<Ip, number>()
  return {
    note: (ip: Ip, forMs: number): void => {
      const now = clock.nowMs()
      for (const [old, end] of ends) {
        // Insertion order is the order of their ends, as all rest equally long.
        if (end > now) break
        ends.delete(old)
      }
      ends.delete(ip)
      if (forMs > 0) ends.set(ip, now + forMs)
    },
    has: (ip: Ip): boolean => (ends.get(ip) ?? 0) > clock.nowMs(),
  }
}

function buildTables(socket: NetlinkSocket, config: Config): Outcome {
  const [inet, arp] = [listTable('inet', NFT_TABLE), listTable('arp', NFT_TABLE)]
  if (!inet.ok) return { changes: [], faults: [inet.error] }
  if (!arp.ok) return { changes: [], faults: [arp.error] }
  const standing = { inet: inet.value, arp: arp.value }
  const ruleset = rulesetOf(config, standing)
  const whole = standing.inet.rules + standing.arp.rules === ruleset.rules
  if (standing.inet.sets.has(ruleset.version) && whole) return nothing
  const updated = loadRuleset(ruleset.update)
  if (updated.ok) return { changes: [`build nft tables ${ruleset.version}`], faults: [] }
  if (standing.inet.sets.size === 0) return { changes: [], faults: [updated.error] }
  // An older version's set is of another type. What only the tables know is carried over; the rest is written again
  // by the first reconcile.
  const memory = memorySets.flatMap((set) =>
    standing.inet.sets.has(set)
      ? addElements(ref('inet', set), dumpSet(socket, 'inet', set).map(remembered))
      : [],
  )
  const rebuilt = loadRuleset(ruleset.rebuild)
  if (!rebuilt.ok) return { changes: [], faults: [rebuilt.error] }
  const kept = commit(socket, { remove: [], add: memory })
  return { changes: [`rebuild nft tables ${ruleset.version}`], faults: kept.ok ? [] : [kept.error] }
}

/** Nobody else knows what stands in these. */
const memorySets = [4, 6].flatMap((v) => [
  `host_ports${v}`,
  `host_ip_ports${v}`,
  `hairpins${v}`,
  `cooling${v}`,
])

const remembered = ({ key, data, expiresMs }: ReadElement): Element => ({
  key,
  ...(data ? { data } : {}),
  ...(expiresMs === undefined ? {} : { timeoutMs: expiresMs }),
})

function readSet(socket: NetlinkSocket, family: NftFamily, set: string): readonly Element[] {
  const read = dumpSet(socket, family, set)
  return intervalsOf(family, set) === 'plain' ? joinIntervals(read) : read
}

const dumpSet = (socket: NetlinkSocket, family: NftFamily, set: string): ReadElement[] =>
  socket.dump(getElements(ref(family, set))).flatMap(parseElements)

function applyElements(socket: NetlinkSocket, want: FirewallElements, sweep: boolean): Outcome {
  const edits = [...setEdits(socket, 'inet', want.inet, sweep), ...setEdits(socket, 'arp', want.arp, sweep)]
  const edit = { remove: edits.flatMap((e) => e.remove), add: edits.flatMap((e) => e.add) }
  if (edit.remove.length + edit.add.length === 0) return nothing
  const done = commit(socket, edit)
  if (!done.ok) return { changes: [], faults: [done.error] }
  return {
    changes: [...edit.remove.map((m) => `remove ${m.object}`), ...edit.add.map((m) => `add ${m.object}`)],
    faults: [],
  }
}

function setEdits(socket: NetlinkSocket, family: NftFamily, want: SetElements, sweep: boolean): Edit[] {
  return [...want].map(([set, elements]) => {
    const intervals = intervalsOf(family, set)
    const standing = readSet(socket, family, set)
    // Before all inputs are in sync a range only grows: what a former run knew of other nodes stays.
    const wanted = intervals === 'plain' && !sweep ? joinRanges([...standing, ...elements]) : elements
    const { missing, surplus } = difference(
      byKey(standing, elementKey),
      byKey(wanted, elementKey),
      () => true,
    )
    const gone = sweep ? surplus : surplus.filter((e) => missing.some((m) => inTheWay(e, m)))
    return {
      remove: delElements(ref(family, set), gone, intervals),
      add: addElements(ref(family, set), missing, intervals),
    }
  })
}

/** The kernel takes no two elements with one key, nor two intervals that overlap. */
const inTheWay = (standing: Element, missing: Element): boolean =>
  Buffer.compare(standing.key, missing.end ?? missing.key) <= 0 &&
  Buffer.compare(missing.key, standing.end ?? standing.key) <= 0

/** One transaction; a removal of what is gone already is left out and the rest is tried again, element by element. */
function commit(socket: NetlinkSocket, edit: Edit): Result<void> {
  let remove = edit.remove
  for (;;) {
    const messages = [...remove, ...edit.add]
    if (messages.length === 0) return ok(undefined)
    const answers = socket.transaction(batchBegin, messages, batchEnd)
    const absent = new Set(remove.filter((_, i) => isErrno(answers[i], ENOENT)))
    if (absent.size > 0) {
      remove = remove.flatMap((m) => (absent.has(m) ? m.split() : [m]))
      continue
    }
    for (const [i, answer] of answers.entries()) {
      const message = messages[i]
      if (message && !answer.ok) return err(answerFault(message, answer))
    }
    return ok(undefined)
  }
}

const isErrno = (answer: { ok: boolean; errno?: number } | undefined, errno: number): boolean =>
  answer !== undefined && !answer.ok && answer.errno === errno

function podMessages(pod: FirewallPod, verb: 'add' | 'remove'): ElementMessage[] {
  const { inet, arp } = podElements(pod)
  const make = verb === 'add' ? addElements : delElements
  const of = (family: NftFamily, sets: SetElements): ElementMessage[] =>
    [...sets].flatMap(([set, elements]) => make(ref(family, set), elements))
  return [...of('inet', inet), ...of('arp', arp)]
}

const coolingOf = (ips: readonly Ip[], timeoutMs = 0): { set: ReturnType<typeof ref>; e: Element }[] =>
  ips.map((ip) => ({
    set: ref('inet', ip.includes(':') ? 'cooling6' : 'cooling4'),
    e: { key: ipField(ip), timeoutMs },
  }))

/** UDP flows to the pod's hostPorts from before it had them would never be translated. */
function forgetUntranslated(socket: NetlinkSocket, pod: FirewallPod): void {
  const ports = pod.hostPorts.filter((p) => p.protocol === 'udp').map((p) => p.hostPort)
  for (const port of ports) for (const v of [4, 6] as const) removeFlowsToPort(socket, v, PROTOCOL.udp, port)
}

function removePod(socket: NetlinkSocket, pod: FirewallPod, coolDownMs: number): Result<void> {
  const cooling =
    coolDownMs > 0 ? coolingOf(pod.addresses, coolDownMs).flatMap(({ set, e }) => addElements(set, [e])) : []
  const done = commit(socket, { remove: podMessages(pod, 'remove'), add: cooling })
  removeFlows(socket, pod.addresses)
  return done
}

function missingElements(socket: NetlinkSocket, pod: FirewallPod): string[] {
  const { inet, arp } = podElements(pod)
  const missing = (family: NftFamily, sets: SetElements): string[] =>
    [...sets].flatMap(([set, elements]) => {
      if (elements.length === 0) return []
      const have = new Set(readSet(socket, family, set).map(elementKey))
      return elements.every((e) => have.has(elementKey(e)))
        ? []
        : [`the pod is gone from nft set ${family} ${NFT_TABLE} ${set}`]
    })
  return [...missing('inet', inet), ...missing('arp', arp)]
}

/** Of an element for all addresses of its family: a pod with hostPorts of one family must not get the other's. */
const wildcard = (v: Family): Ip => ipFromBytes(new Uint8Array(v === 4 ? 4 : 16))

function recallHostPorts(socket: NetlinkSocket): Map<Ip, HostPort[]> {
  const out = new Map<Ip, HostPort[]>()
  const note = (found: { to: Ip; port: HostPort } | undefined): void => {
    if (found) out.set(found.to, [...(out.get(found.to) ?? []), found.port])
  }
  for (const v of [4, 6] as const) {
    for (const e of dumpSet(socket, 'inet', `host_ports${v}`)) {
      if (e.data) note(readHostPort(e.key, e.data, v, wildcard(v)))
    }
    for (const e of dumpSet(socket, 'inet', `host_ip_ports${v}`)) {
      const bytes = v === 4 ? 4 : 16
      if (e.data) note(readHostPort(e.key.subarray(bytes), e.data, v, ipFromBytes(e.key.subarray(0, bytes))))
    }
  }
  return out
}

function recallSources(socket: NetlinkSocket): { index: IfIndex; mac: Mac; ip: Ip }[] {
  return (['pod_sources4', 'pod_sources6'] as const).flatMap((set) =>
    dumpSet(socket, 'inet', set).map(({ key }) => readPodSource(key)),
  )
}

function recallCooling(socket: NetlinkSocket): { ip: Ip; remainingMs: number }[] {
  return ([4, 6] as const satisfies readonly Family[]).flatMap((v) =>
    dumpSet(socket, 'inet', `cooling${v}`).map((e) => ({
      ip: ipFromBytes(e.key),
      remainingMs: e.expiresMs ?? 0,
    })),
  )
}
