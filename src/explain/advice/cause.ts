// What binds the node now. Each sign is looked for by itself; the first in the order of CAUSES that is there names the
// cause, because it does its harm whatever the later ones do. Losses at a core that is full are that core's, not a
// cause of their own. Two causes at once, or a hypervisor that takes the time, make the verdict a weak one.

import { CAUSES, type Cause } from '../../schema/advice.ts'
import type { LoadProfile } from '../../schema/load_facts.ts'
import { closedLoop } from '../capacity/closed_loop.ts'
import { percent, rate, type Signs } from './signs.ts'

export type Found = { readonly cause: Cause; readonly evidence: string }
export type Verdict = {
  readonly cause: Cause
  readonly certainty: 'sure' | 'weak'
  readonly evidence: readonly string[]
}

const FULL_TABLE = 0.95
const FULL_CORE = 0.93
const FULL_HOST = 0.9
/** Of a full core; the rest is threads that found some time there. */
const MOST_IS_SOFTIRQ = 0.6
const OTHERS_HAVE_ROOM = 0.8
const IDLE_HOST = 0.7
/** Losses and early ends of polls per second that are no accident. */
const FREQUENT = 1
/** A connection that carries more packets than that costs more by them than by its setup. */
const SHORT_CONNECTION = 20
const FEWEST_CONNECTIONS = 1000
const NEAR = 0.25
const MUCH_STEAL = 0.1
const LEAST_SECONDS = 3

export function causeOf(signs: Signs): Verdict {
  const found = [table, queue, softirqCore, threadCore, setup, allCores, latency]
    .flatMap((look) => look(signs) ?? [])
    .sort((a, b) => CAUSES.indexOf(a.cause) - CAUSES.indexOf(b.cause))
  const doubts = doubtsOf(signs)
  const [first, ...others] = found
  // A host that is full anyway is no second cause beside connections that fill it.
  const rivals = others.filter((o) => !(first?.cause === 'connection-setup' && o.cause === 'all-cores'))
  return {
    cause: first?.cause ?? 'nothing',
    certainty: rivals.length + doubts.length > 0 ? 'weak' : 'sure',
    evidence: [...found.map((f) => f.evidence), ...doubts],
  }
}

function table({ tables }: Signs): Found | undefined {
  const full = tables.find((t) => t.refused > FREQUENT || t.entries >= t.most * FULL_TABLE)
  if (!full) return undefined
  const lost = full.refused > 0 ? `, ${rate(full.refused)} refused a second` : ''
  const share = percent(full.entries / full.most)
  return {
    cause: 'table-pressure',
    evidence: `${full.name} holds ${full.entries} of ${full.most} entries (${share})${lost}`,
  }
}

function queue(signs: Signs): Found | undefined {
  // A core without time loses packets whatever its queues hold.
  if (signs.fullestBusy >= FULL_CORE || signs.dropped < FREQUENT) return undefined
  const polls =
    signs.squeezed >= FREQUENT ? `, ${rate(signs.squeezed)} polls a second end before their work` : ''
  return {
    cause: 'queue-budget',
    evidence: `${rate(signs.dropped)} packets a second find a queue full, though no core is${polls}`,
  }
}

const isOneCore = ({ cores, fullestBusy, othersBusy }: Signs): boolean =>
  cores > 1 && fullestBusy >= FULL_CORE && othersBusy < OTHERS_HAVE_ROOM

function softirqCore(signs: Signs): Found | undefined {
  const { fullest, fullestBusy, othersBusy } = signs
  if (!fullest || !isOneCore(signs) || fullest.softirq < MOST_IS_SOFTIRQ) return undefined
  return {
    cause: 'one-core-softirq',
    evidence: `core ${fullest.cpu} is ${percent(fullestBusy)} busy, ${percent(fullest.softirq)} in softirq; the others ${percent(othersBusy)}`,
  }
}

function threadCore(signs: Signs): Found | undefined {
  const { fullest, fullestBusy, othersBusy } = signs
  if (!fullest || !isOneCore(signs) || fullest.softirq >= MOST_IS_SOFTIRQ) return undefined
  return {
    cause: 'one-core-thread',
    evidence: `core ${fullest.cpu} is ${percent(fullestBusy)} busy, only ${percent(fullest.softirq)} in softirq; the others ${percent(othersBusy)}`,
  }
}

function setup({
  facts: { connections = 0, profile },
  packets,
  busy,
  fullestBusy,
}: Signs): Found | undefined {
  if (connections < FEWEST_CONNECTIONS || packets > connections * SHORT_CONNECTION) return undefined
  if (busy < FULL_HOST && fullestBusy < FULL_CORE) return undefined
  const tracking = profile
    ? `, ${percent(trackingShare(profile))} of packet handling is connection tracking`
    : ''
  return {
    cause: 'connection-setup',
    evidence: `pods open ${rate(connections)} connections a second, ${rate(packets / connections)} packets each${tracking}`,
  }
}

function trackingShare({ stages, packetNs }: LoadProfile): number {
  const tracked = stages.filter((s) => s.stage === 'conntrack' || s.stage === 'netfilter')
  return packetNs > 0 ? tracked.reduce((ns, s) => ns + s.ns, 0) / packetNs : 0
}

function allCores({ busy, cores }: Signs): Found | undefined {
  if (cores === 0 || busy < FULL_HOST) return undefined
  return { cause: 'all-cores', evidence: `all ${cores} cores are busy, ${percent(busy)} on average` }
}

function latency({ facts: { loop }, fullestBusy }: Signs): Found | undefined {
  if (!loop || fullestBusy >= IDLE_HOST) return undefined
  const asked = closedLoop(loop).value
  if (Math.abs(loop.requests / asked - 1) > NEAR) return undefined
  const roundTrip = `${Math.round(loop.roundTripNs.value / 1000)} µs`
  return {
    cause: 'latency',
    evidence: `${loop.askers} askers that wait ${roundTrip} each time ask ${rate(asked)} times a second at most, and ${rate(loop.requests)} were answered; no core is over ${percent(fullestBusy)}`,
  }
}

function doubtsOf({ steal, facts }: Signs): readonly string[] {
  const { profile, seconds } = facts
  const busyNs = profile?.cpu.busyNs ?? 0
  return [
    ...(steal >= MUCH_STEAL ? [`doubt: the hypervisor takes ${percent(steal)} of the time`] : []),
    ...(seconds < LEAST_SECONDS ? [`doubt: ${seconds.toFixed(1)} s is short`] : []),
    ...(profile && profile.packetNs > busyNs * 1.1
      ? ['doubt: the profile counts more packet handling than the cores were busy with']
      : []),
  ]
}
