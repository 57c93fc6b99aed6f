// A node's load as facts → what binds it, how much it could carry, and what each way out would give. Pure.

import type { Advice, Cause } from '../../schema/advice.ts'
import type { LoadFacts } from '../../schema/load_facts.ts'
import { gainOf } from '../capacity/serial.ts'
import { bypassOptions } from './bypass_options.ts'
import { causeOf } from './cause.ts'
import { type Limit, limitOf } from './limit.ts'
import { machineOptions } from './machine_options.ts'
import type { Situation } from './option.ts'
import { pathOptions } from './path_options.ts'
import { receiveOptions } from './receive_options.ts'
import { packetShare } from './shares.ts'
import { percent, rate, type Signs, signsOf } from './signs.ts'

/** @param unit of the points of a fit */
export function adviceOf(facts: LoadFacts, unit: 'packets' | 'requests' = 'packets'): Advice {
  const signs = signsOf(facts)
  const verdict = causeOf(signs)
  const { fit, ...limit } = limitOf(signs, verdict, unit)
  const next = nextCause(fit)
  const situation: Situation = {
    signs,
    binding: verdict.cause === 'nothing' ? (next ?? 'nothing') : verdict.cause,
  }
  return {
    verdict: {
      cause: verdict.cause,
      words: `${WORDS[verdict.cause]}${addition(verdict.cause, next, facts)}.`,
      certainty: verdict.certainty,
    },
    ...limit,
    evidence: [...verdict.evidence, loadWords(signs), ...facts.missing.map((m) => `note: ${m}`)],
    options: [
      ...machineOptions(situation),
      ...pathOptions(situation),
      ...receiveOptions(situation),
      ...bypassOptions(situation),
    ],
    facts,
  }
}

/** To the sentence about the cause: what comes next, or how much of the time a faster path could save at all. */
function addition(cause: Cause, next: Cause | undefined, { profile }: LoadFacts): string {
  if (cause === 'nothing') return next ? `; next will be: ${WORDS[next].toLowerCase()}` : ''
  const share = cause === 'all-cores' ? packetShare(profile) : undefined
  if (!share) return ''
  const most = gainOf(share).high.toFixed(2)
  return `; packets take ${percent(share.value)} of their time, so that a faster path is worth ${most} times at most`
}

/** What the fit says will be full first. */
function nextCause(fit: Limit['fit']): Cause | undefined {
  if (!fit) return undefined
  return fit.binds.what === 'one core' ? 'one-core-softirq' : 'all-cores'
}

const WORDS: Readonly<Record<Cause, string>> = {
  'table-pressure': 'A table of flows is full: new connections fail',
  'queue-budget': 'Queues and polls are too short: packets are lost though there is CPU time',
  'one-core-softirq': 'One core is full of packet handling while others have room',
  'one-core-thread': 'One core is full of an application’s thread while others have room',
  'connection-setup': 'Opening connections takes the CPU time',
  'all-cores': 'All cores are busy',
  latency: 'Latency binds: whoever asks waits for answers, and the cores are idle',
  nothing: 'Nothing of this node binds now',
}

function loadWords({ packets, busy, cores, fastShare, tunnelShare, bytesPerPacket }: Signs): string {
  if (packets === 0) return `pods exchange no packets; ${cores} cores, ${percent(busy)} busy`
  return `pods exchange ${rate(packets)} packets a second of ${Math.round(bytesPerPacket)} bytes, ${percent(fastShare)} in the fast lane, ${percent(tunnelShare)} through a tunnel; ${cores} cores, ${percent(busy)} busy`
}
