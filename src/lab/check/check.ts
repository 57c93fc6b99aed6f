// Asks every question of a check, many at once, from one process that opens its sockets inside the namespaces.

import { closeSync } from 'node:fs'
import type { Ip } from '../../base/ip.ts'
import { fault, faultText, ok, type Result } from '../../base/result.ts'
import { openNetns } from '../../kernel/netns.ts'
import { OUTSIDE_HTTP_PORT } from '../background.ts'
import { NODE_HTTP_PORT } from '../node_ports.ts'
import { askCniCheck } from '../node_status.ts'
import { readRecord } from '../record.ts'
import { isFault, labStatus } from '../status.ts'
import { planTopology } from '../topology.ts'
import { type NodeFacts, type Path, pathBetween, planQuestions, type Question } from './plan.ts'
import { httpSource, pathMtu, ping, tcpEcho, udpEcho, udpSource, type Why } from './probes.ts'

export type CheckReport = {
  /** Ordered pairs of pods. */
  readonly pairs: number
  /** Those that answered everything, in every family. */
  readonly reached: number
  readonly failed: readonly { readonly from: string; readonly to: string; readonly why: string }[]
  /** Questions in all: pairs, nodes, outside, localhost, each address for itself, and CNI CHECK for each node. */
  readonly checks: { readonly asked: number; readonly passed: number }
  readonly nodes: readonly NodeFacts[]
  readonly measured: readonly Measured[]
  readonly tookMs: number
}

/** One pair in one family. */
export type Measured = {
  readonly from: string
  readonly to: string
  readonly address: string
  readonly path: Path
  readonly latencyUs: number | undefined
  readonly why: Why
}

/** More would only wait for the same two or three servers. */
const AT_ONCE = 24

export async function checkLab(): Promise<Result<CheckReport>> {
  const startMs = performance.now()
  const facts = await readFacts()
  if (!facts.ok) return facts
  const { nodes } = facts.value
  const questions = questionsOf(facts.value)
  const answers = await askAll(questions)
  const found = summary(nodes, questions, answers)
  const complaints = await askRuntimes(nodes)
  const { asked, passed } = found.checks
  return ok({
    ...found,
    failed: [...found.failed, ...complaints],
    checks: { asked: asked + nodes.length, passed: passed + nodes.length - complaints.length },
    tookMs: performance.now() - startMs,
  })
}

/** All that a check of the lab asks, as it now is. */
export async function labQuestions(): Promise<Result<readonly Question[]>> {
  const facts = await readFacts()
  return facts.ok ? ok(questionsOf(facts.value)) : facts
}

const questionsOf = ({ nodes, outside }: Facts): readonly Question[] =>
  planQuestions(nodes, { http: NODE_HTTP_PORT }, { addresses: outside, http: OUTSIDE_HTTP_PORT })

/** One question for each node: whether the CNI program finds every pod as it made it. */
async function askRuntimes(nodes: readonly NodeFacts[]): Promise<CheckReport['failed']> {
  const asked = nodes.map(async ({ name }): Promise<CheckReport['failed']> => {
    const answer = await askCniCheck(name)
    if (!answer.ok) return [{ from: name, to: 'its pods', why: faultText(answer.error) }]
    const why = answer.value.map((c) => `${c.pod}: ${c.why}`).join('; ')
    return why === '' ? [] : [{ from: name, to: 'its pods', why }]
  })
  return (await Promise.all(asked)).flat()
}

type Answer = { readonly latencyUs: number | undefined; readonly whys: readonly string[] }

async function askAll(questions: readonly Question[]): Promise<readonly Answer[]> {
  // BOUNDED by the namespaces of the lab.
  const namespaces = new Map<string, number>()
  for (const { from } of questions)
    if (!namespaces.has(from.netns)) namespaces.set(from.netns, openNetns(from.netns))
  const answers: Answer[] = []
  let next = 0
  const worker = async (): Promise<void> => {
    for (let i = next++; i < questions.length; i = next++) {
      const question = questions[i]
      const fd = question && namespaces.get(question.from.netns)
      if (question && fd !== undefined) answers[i] = await ask(question, fd, i)
    }
  }
  try {
    await Promise.all(Array.from({ length: AT_ONCE }, worker))
  } finally {
    for (const fd of namespaces.values()) closeSync(fd)
  }
  return answers
}

/** The next question is asked only where the one before had an answer: silence costs one wait, not five. */
async function ask(q: Question, fd: number, id: number): Promise<Answer> {
  const whys: string[] = []
  let latencyUs: number | undefined
  if (q.ping) {
    const pinged = await ping(fd, q.address, id & 0xffff)
    if (typeof pinged === 'string') whys.push(pinged)
    else latencyUs = pinged.latencyUs
  }
  for (const { run } of conversations(q)) {
    const why = await run(fd)
    if (why === undefined) continue
    whys.push(why)
    if (why.includes('no answer')) break
  }
  return { latencyUs, whys }
}

/** One of a question's own questions, beside the echo of ICMP. */
export type Conversation = {
  readonly protocol: 'tcp' | 'udp'
  readonly port: number
  /** Of its packets, where it depends on that. */
  readonly bytes?: number
  /** @param fd the namespace that it is asked from */
  readonly run: (fd: number) => Promise<Why>
}

export function conversations({ address, http, source, ...q }: Question): readonly Conversation[] {
  const { tcpEcho: tcp = 0, udpEcho: udp = 0, mtuBytes: bytes = 0 } = q
  return [
    { protocol: 'tcp', port: http, run: (fd) => httpSource(fd, address, http, source) },
    ...when(tcp, { protocol: 'tcp', port: tcp, run: (fd) => tcpEcho(fd, address, tcp) }),
    ...when(udp, { protocol: 'udp', port: udp, run: (fd) => udpEcho(fd, address, udp) }),
    ...when(udp, { protocol: 'udp', port: udp, run: (fd) => udpSource(fd, address, udp, source ?? []) }),
    ...when(udp && bytes, {
      protocol: 'udp',
      port: udp,
      bytes,
      run: (fd) => pathMtu(fd, address, udp, bytes),
    }),
  ]
}

const when = (wanted: number, conversation: Conversation): readonly Conversation[] =>
  wanted === 0 ? [] : [conversation]

function summary(
  nodes: readonly NodeFacts[],
  questions: readonly Question[],
  answers: readonly Answer[],
): Omit<CheckReport, 'tookMs'> {
  const pairs = new Set<string>()
  const broken = new Set<string>()
  const failed: { from: string; to: string; why: string }[] = []
  const measured: Measured[] = []
  for (const [i, q] of questions.entries()) {
    const { whys, latencyUs } = answers[i] ?? { whys: ['not asked'], latencyUs: undefined }
    const key = `${q.from.name} ${q.to}`
    const why = whys.length === 0 ? undefined : `${q.address}: ${whys.join('; ')}`
    if (why !== undefined) failed.push({ from: q.from.name, to: q.to, why })
    if (!q.pair) continue
    pairs.add(key)
    if (why !== undefined) broken.add(key)
    const node = nodes.find((n) => n.name === q.from.node)
    const there = nodes.find((n) => n.pods.some((p) => `${p.namespace}/${p.name}` === q.to))
    if (node && there)
      measured.push({
        from: q.from.name,
        to: q.to,
        address: q.address,
        path: pathBetween(node, there.name),
        latencyUs,
        why,
      })
  }
  const checks = { asked: questions.length, passed: questions.length - failed.length }
  return { pairs: pairs.size, reached: pairs.size - broken.size, failed, checks, nodes, measured }
}

type Facts = { readonly nodes: readonly NodeFacts[]; readonly outside: readonly Ip[] }

async function readFacts(): Promise<Result<Facts>> {
  const record = readRecord()
  if (!record) return fault('lab', 'the lab', 'one that is up', 'none', 'run «podlane lab up»')
  const topology = planTopology(record.options)
  if (!topology.ok) return topology
  const nodes: NodeFacts[] = []
  for (const { name, node, agent } of (await labStatus()).nodes) {
    for (const part of [node, agent])
      if (isFault(part))
        return fault('lab', name, 'node and agent to answer', faultText(part), 'see its logs')
    if (isFault(node) || isFault(agent)) continue
    const planned = topology.value.nodes.find((n) => n.name === name)
    const addresses = planned?.addresses.map((a) => a.ip) ?? []
    nodes.push({ name, netns: `/proc/${node.pid}/ns/net`, addresses, pods: node.pods, agent })
  }
  return ok({ nodes, outside: topology.value.outside.addresses.map((a) => a.ip) })
}
