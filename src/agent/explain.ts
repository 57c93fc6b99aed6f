// GET /explain of the agent: the question's names to ends, the kernel's tables read, and judged. Read-only; no call to
// the kernel Worker but for the other nodes.

import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import type { Ip } from '../base/ip.ts'
import { err, ok, type Result } from '../base/result.ts'
import { judge } from '../explain/walk/answer.ts'
import type { PathCost } from '../explain/walk/costs.ts'
import { endsOf, type KnownPod, peerOf } from '../explain/walk/ends.ts'
import { OtherTables } from '../observe/walk/others.ts'
import { type NamedPod, type ReadQuestion, readWalk } from '../observe/walk/read.ts'
import type { Peer } from '../plan/peers.ts'
import type { Config } from '../schema/config.ts'
import type { Packet, WalkAnswer, Wire } from '../schema/walk.ts'
import { type NearQuestion, parseWalkQuestion } from '../schema/walk_question.ts'
import type { Core } from './core.ts'
import type { KernelClient } from './kernel_client.ts'
import type { Answer, Question } from './status_server.ts'

export type ExplainOptions = {
  readonly config: Config
  readonly nodeName: string
  readonly kernel: KernelClient
  readonly core: Core
  /** What the stage profile knows of this node's paths, at the moment of the question. */
  readonly costs: () => readonly PathCost[]
}

/** Of a packet of which nobody has said how large it is. */
const USUAL_BYTES = 64

type Pod = KnownPod & NamedPod
type Asked = {
  readonly question: ReadQuestion
  readonly instead?: ReadQuestion
  readonly from: string
  readonly to: string
}

export function createExplain(options: ExplainOptions): Question {
  let can: ReadQuestion['kernel'] | undefined
  const otherTables = new OtherTables()
  return async (query): Promise<Answer> => {
    const startMs = performance.now()
    const parsed = parseWalkQuestion(query)
    if (!parsed.ok) return { code: 400, body: parsed.error }
    const peers = await options.kernel.call('peers')
    can ??= await kernelCan()
    const asked = askedOf(parsed.value, options, peers, { kernel: can, otherTables })
    if (!asked.ok) return { code: 404, body: asked.error }
    const { question, instead, from, to } = asked.value
    const judged = judge(
      readWalk(question),
      parsed.value.change,
      options.costs(),
      instead && readWalk(instead),
    )
    const answer: WalkAnswer = {
      node: options.nodeName,
      ...{ from, to },
      ...(question.peer ? { peer: question.peer.name } : {}),
      ...judged,
      tookMs: Math.round((performance.now() - startMs) * 10) / 10,
    }
    return { code: 200, body: answer }
  }
}

type Parsed = Extract<ReturnType<typeof parseWalkQuestion>, { ok: true }>['value']

function askedOf(
  parsed: Parsed,
  options: ExplainOptions,
  peers: readonly Peer[],
  kept: Pick<ReadQuestion, 'kernel' | 'otherTables'>,
): Result<Asked> {
  const { config, core, nodeName } = options
  const pods = namedPods(core)
  const common = {
    node: nodeName,
    podAt: (ip: Ip) => pods.find((p) => p.addresses.includes(ip)),
    uplink: core.report?.uplink,
    bpfFolder: config.directories.bpf,
    vxlan: config.vxlan,
    probePort: config.probes === 'off' ? undefined : config.probes.port,
    ...kept,
  }
  if ('arriving' in parsed) {
    const wired = (wire: Wire): ReadQuestion => ({
      ...common,
      packet: wire.packet,
      peer: peerOf(wire.packet.source, peers),
      entry: { kind: 'wire', wire },
    })
    const { source, destination } = parsed.arriving.packet
    return ok({
      question: wired(parsed.arriving),
      ...(parsed.instead ? { instead: wired(parsed.instead) } : {}),
      ...{ from: source, to: common.podAt(destination)?.name ?? destination },
    })
  }
  const addresses = core.report?.uplink?.addresses.map((a) => a.ip) ?? []
  const ends = endsOf(parsed, { node: nodeName, addresses, pods, peers })
  if (!ends.ok) return err(ends.error)
  const { sender, source, destination, from, to } = ends.value
  const question: ReadQuestion = {
    ...common,
    packet: packetOf(parsed, source, destination),
    entry: sender ? { kind: 'pod', pod: sender } : { kind: 'node', as: parsed.as },
    peer: peerOf(destination, peers),
  }
  return ok({ question, from, to })
}

const packetOf = (q: NearQuestion, source: Ip, destination: Ip): Packet => ({
  ...{ source, destination, protocol: q.protocol, bytes: q.bytes ?? USUAL_BYTES },
  ...(q.port === undefined ? {} : { port: q.port }),
  ...(q.sourcePort === undefined ? {} : { sourcePort: q.sourcePort }),
})

const namedPods = ({ live, tables }: Core): Pod[] =>
  live.endpoints.map((endpoint) => {
    const row = endpoint.podUid === undefined ? undefined : tables.pods.get(endpoint.podUid)
    const name = row ? `${row.namespace}/${row.name}` : endpoint.containerId
    return { name, addresses: endpoint.addresses, endpoint }
  })

/** As the loader finds it out for the programs, but by name alone: the kernel's types are read once, and not kept. */
async function kernelCan(): Promise<ReadQuestion['kernel']> {
  const files = ['vmlinux', 'nf_conntrack'].map((name) => `/sys/kernel/btf/${name}`)
  const types = await Promise.all(files.filter((file) => existsSync(file)).map((file) => readFile(file)))
  const knows = (name: string): boolean => types.some((bytes) => bytes.includes(`\0${name}\0`))
  return {
    answers: knows('bpf_skb_ct_lookup'),
    mixesFamilies: knows('BPF_F_ADJ_ROOM_DECAP_L3_IPV4'),
  }
}
