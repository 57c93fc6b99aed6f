// The paths that are compared, each between two nodes of its own with a pod on each, so that all stand at once and
// their rounds can take turns.

import { mkdirSync, writeFileSync } from 'node:fs'
import { parseConfig } from '../src/schema/config.ts'
import {
  type AgentProcess,
  agentServes,
  BPF_FOLDER,
  podlanePlugin,
  startAgentProcess,
} from './lib/agent_process.ts'
import { run } from './lib/command.ts'
import { callPlugin } from './lib/launcher.ts'
import { ip, makeNamespace } from './lib/node_namespace.ts'
import { FOLDER } from './lib/sandbox.ts'
import { inside, makeNodeOn, makeSegment, type Node, type Segment, setSysctl } from './lib/segment.ts'
import type { Ends } from './lib/traffic.ts'
import { collectMetadata } from './paths_collectmd.ts'
import { flannel } from './paths_flannel.ts'
import { addressOf, type Pair, type Side } from './paths_pair.ts'

export const BASELINE = 'node'

export type Candidate = {
  readonly name: string
  readonly nodes: readonly [Node, Node]
  readonly ends: Ends
}

/** Wires the pods of a pair. @returns the address of the second one */
export type Build = (pair: Pair) => Promise<string>

// Each would sample the whole machine, which has one agent only where it is a node.
const profileOff = parseConfig('profile: off', 'probe').ok ? 'profile: off\n' : ''
const knowsLane = parseConfig('lane: plain', 'probe').ok

/** @param more for each agent */
const buildsWith = (more: More): Readonly<Record<string, Build>> => ({
  [BASELINE]: async ([, server]) => server.node.ip,
  ...(knowsLane
    ? { 'fast-direct': podlane('fast', 'direct', more), 'fast-vxlan': podlane('fast', 'vxlan', more) }
    : {}),
  'plain-direct': podlane('plain', 'direct', more),
  'plain-direct-noct': async (pair) => {
    for (const { node } of pair) withoutTracking(node)
    return podlane('plain', 'direct', more)(pair)
  },
  'plain-vxlan': podlane('plain', 'vxlan', more),
  flannel: async (pair) => flannel(pair),
  collectmd: async (pair) => collectMetadata(pair),
})

export const candidateNames = Object.keys(buildsWith({}))

/** Each number of a copy leaves room for all candidates. */
const COPIES_APART = 16

/** `flannel-2` is a second pair that is built like `flannel`. */
function buildOf(name: string, more: More): { readonly build: Build; readonly number: number } {
  const [, base = name, copy = '1'] = /^(.*?)(?:-(\d+))?$/.exec(name) ?? []
  const build = buildsWith(more)[base]
  if (!build) throw new Error(`no candidate ${name}: there are ${candidateNames.join(', ')}`)
  return { build, number: candidateNames.indexOf(base) + COPIES_APART * (Number(copy) - 1) }
}

/**
 * @param names of candidates, each with `-2` and so on for more pairs of a kind
 * @param more for each agent
 */
export async function makeCandidates(
  names: readonly string[],
  more: More = {},
): Promise<readonly Candidate[]> {
  const segment = makeSegment()
  mkdirSync(BPF_FOLDER)
  run('mount', '-t', 'bpf', 'bpf', BPF_FOLDER)
  // In order: an agent that starts beside nine others takes longer than all of them one after another.
  const candidates: Candidate[] = []
  for (const name of names) {
    const { build, number } = buildOf(name, more)
    candidates.push(await makeCandidate(segment, name, number, build))
    console.error(`stands: ${name}`)
  }
  return candidates
}

/** @param number of its own on the segment */
export async function makeCandidate(
  segment: Segment,
  name: string,
  number: number,
  build: Build,
): Promise<Candidate> {
  const side = (i: 1 | 2): Side => ({
    node: makeNodeOn(segment, `${name}-${i}`, ip(`192.168.${number}.${i}`)),
    range: `10.${100 + number}.${i}.0/24`,
    pod: name === BASELINE ? '' : makeNamespace(`${name}-pod-${i}`),
  })
  const pair: Pair = [side(1), side(2)]
  const serverIp = await build(pair)
  const [client, server] = pair.map(({ node, pod }) => pod || node.path)
  if (!client || !server) throw new Error('a pair has two sides')
  manyConnections(client)
  return { name, nodes: [pair[0].node, pair[1].node], ends: { client, server, serverIp } }
}

/** A connection for each request leaves its port in TIME_WAIT for a minute: it may be used again after a second. */
function manyConnections(netns: string): void {
  setSysctl(netns, 'net.ipv4.ip_local_port_range', '10000 65535')
  setSysctl(netns, 'net.ipv4.tcp_tw_reuse', 1)
}

/** More than a pair's own: lines of the static input's list, and of the config. */
export type More = {
  readonly nodes?: readonly string[]
  readonly config?: string
  /** Resolves when the agent has made of it what pods need. */
  readonly ready?: (node: Node) => Promise<void>
}

export function podlane(lane: 'fast' | 'plain', pathMode: 'direct' | 'vxlan', more: More = {}): Build {
  return async (pair) => {
    const rows = pair.map(
      ({ node, range }) => `- { name: ${node.name}, addresses: [${node.ip}], podCIDRs: [${range}] }\n`,
    )
    const input = `${FOLDER}/${pair[0].node.name}-nodes.yaml`
    writeFileSync(input, `nodes:\n${[...rows, ...(more.nodes ?? [])].join('')}`)
    const config = `input: { kind: static, file: ${input} }\npathMode: ${pathMode}\n${knowsLane ? `lane: ${lane}\n` : ''}${profileOff}${more.config ?? ''}`
    const agents = pair.map(({ node }) =>
      startAgentProcess(`${node.name}-agent`, node.path, `nodeName: ${node.name}\n${config}`),
    )
    await Promise.all(agents.map(agentServes))
    for (const { node } of pair) await more.ready?.(node)
    for (const [i, side] of pair.entries()) addPod(side, agents[i])
    return addressOf(pair[1].pod)
  }
}

function addPod({ node, pod }: Side, agent: AgentProcess | undefined): void {
  if (!agent) throw new Error(`${node.name} has no agent`)
  const plugin = { name: node.name, node: node.path, ...podlanePlugin(agent) }
  callPlugin(plugin, 'ADD', [{ containerId: `${node.name}-pod`, netns: pod }])
}

/** Connection tracking is on in a node as soon as a rule of its namespace asks for it; these packets pass it by. */
function withoutTracking({ path }: Node): void {
  const chain = (hook: string): string => `chain ${hook} { type filter hook ${hook} priority raw; notrack; }`
  inside(path, 'nft', `table inet bench {\n${chain('prerouting')}\n${chain('output')}\n}`)
}
