// `make bench-probes`: what probing costs an agent with three and with fifteen peers and two paths to each, beside the same
// agents without it, what the kernel's stamps of arrival cost pods' packets, and how long `GET /paths` takes with 1,000 peers.
// Options: --rounds (5), --seconds (10), --peers (1,000), --starts (5), --stamp-rounds (40), --ms (250).

import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { stringify } from 'yaml'
import { must } from '../src/base/result.ts'
import { askSocket } from '../src/lab/socket_client.ts'
import { parsePathsReport } from '../src/schema/paths_report.ts'
import { type AgentProcess, agentServes, BPF_FOLDER, startAgentProcess } from './lib/agent_process.ts'
import { run } from './lib/command.ts'
import { type Figure, publish } from './lib/figures.ts'
import { ip } from './lib/node_namespace.ts'
import { enterSandbox, FOLDER, option } from './lib/sandbox.ts'
import { makeNodeOn, makeSegment, type Node } from './lib/segment.ts'
import { stampPackets } from './lib/stamps.ts'
import { spreadOf } from './lib/statistics.ts'
import { measureTraffic, rateOf } from './lib/traffic.ts'
import { onAgainstOff } from './lib/turns.ts'
import { makeCandidate, podlane } from './paths_candidates.ts'
import { checkLane } from './paths_lane.ts'

enterSandbox()
run('mkdir', '-p', BPF_FOLDER)
run('mount', '-t', 'bpf', 'bpf', BPF_FOLDER)

/** Until every path's first turns are over, which come twice as often. */
const SETTLE_MS = 8_000
/** Who asks sooner may get an answer that was made for somebody else. */
const SHARED_MS = 1_050
const FEW = 4
/** Enough peers for a node to send as many probes as it ever does. */
const MANY = 16
const STAMPS_TOLERANCE = 0.03

const segment = makeSegment()
const nodes = Array.from({ length: MANY }, (_, i) => makeNodeOn(segment, `n${i}`, ip(`10.0.0.${i + 1}`)))

/** Without IPv6 addresses of the nodes their IPv6 ranges go by the tunnel, so both kinds of path are there. */
const declared = (i: number) => ({
  name: `n${i}`,
  addresses: [`10.0.${(i + 1) >> 8}.${(i + 1) & 255}`],
  podCIDRs: [`10.${64 + (i >> 8)}.${i & 255}.0/24`, `fd00:${i.toString(16)}::/64`],
})

function startOn(node: Node, count: number, probes: string): AgentProcess {
  const file = `${FOLDER}/${count}.yaml`
  writeFileSync(file, stringify({ nodes: Array.from({ length: count }, (_, i) => declared(i)) }))
  const config = `nodeName: ${node.name}\ninput: {kind: static, file: ${file}}\nprobes: ${probes}`
  return startAgentProcess(node.name, node.path, config)
}

/** Of all its threads. */
const cpuMs = ({ pid }: AgentProcess): number =>
  readdirSync(`/proc/${pid}/task`)
    .map((thread) => readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8'))
    .reduce((sum, text) => sum + Number(text.split(' ')[0]) / 1e6, 0)

/** Milliseconds of CPU time a second, of one of so many that probe each other. */
async function costOf(count: number, probes: string): Promise<number> {
  const agents = nodes.slice(0, count).map((node) => startOn(node, count, probes))
  await Promise.all(agents.map(agentServes))
  await sleep(SETTLE_MS)
  const [first] = agents
  if (!first) throw new Error('no agent')
  const seconds = option('seconds', 10)
  const before = cpuMs(first)
  await sleep(seconds * 1000)
  const cost = (cpuMs(first) - before) / seconds
  await Promise.all(agents.map((a) => a.close()))
  return cost
}

async function answeringPeers(name: string, count: number): Promise<readonly Figure[]> {
  const on: number[] = []
  const off: number[] = []
  for (let i = 0; i < option('rounds', 5); i++) {
    on.push(await costOf(count, '{port: 9475}'))
    off.push(await costOf(count, 'off'))
  }
  const added = spreadOf(on.map((ms, i) => (ms - (off[i] ?? 0)) / 10))
  return [
    { name: `${name}.agent.on.ms-per-second`, unit: 'ms', ...spreadOf(on) },
    { name: `${name}.agent.off.ms-per-second`, unit: 'ms', ...spreadOf(off) },
    { name: `${name}.probes.core.share`, unit: '% of a core', ...added, goal: { atMost: 1 } },
  ]
}

async function manyPeers(count: number): Promise<readonly Figure[]> {
  const [node] = nodes
  if (!node) throw new Error('no node')
  const first: number[] = []
  const later: number[] = []
  for (let start = 0; start < option('starts', 5); start++) {
    const agent = startOn(node, count, '{port: 9475}')
    await agentServes(agent)
    await sleep(SETTLE_MS)
    // Agents are asked all the time, by monitoring if by nobody else: the first use of HTTP at either end is no part of it.
    await ask(agent, '/healthz')
    first.push(await askForPaths(agent, count))
    for (let i = 0; i < 5; i++) {
      await sleep(SHARED_MS)
      later.push(await askForPaths(agent, count))
    }
    await agent.close()
  }
  return [
    { name: `peers${count}.paths.first.ms`, unit: 'ms', ...spreadOf(first), goal: { atMost: 100 } },
    { name: `peers${count}.paths.ms`, unit: 'ms', ...spreadOf(later), goal: { atMost: 100 } },
  ]
}

async function askForPaths(agent: AgentProcess, count: number): Promise<number> {
  const startedAt = performance.now()
  const answer = await ask(agent, '/paths')
  const tookMs = performance.now() - startedAt
  const { peers } = must(parsePathsReport(answer, 'agent'))
  if (peers.length !== count - 1) throw new Error(`${peers.length} peers`)
  return tookMs
}

const ask = async (agent: AgentProcess, path: string): Promise<unknown> =>
  must(await askSocket(`${agent.run}/agent.sock`, 'GET', path))

/** Of request and response, while a socket on this host wants stamps and while none does. */
async function stamps(): Promise<readonly Figure[]> {
  const build = podlane('fast', 'direct', { config: 'probes: off\n' })
  const candidate = await makeCandidate(segment, 'fast-direct', 1, build)
  // New pods get their programs when no ADD waits.
  await sleep(1_000)
  checkLane([candidate], 'at the start')
  const core = cpus().length - 1
  let end = (): void => {}
  return onAgainstOff('stamps.rr', option('stamp-rounds', 40), STAMPS_TOLERANCE, async (isOn) => {
    end()
    end = isOn ? stampPackets() : () => {}
    // The kernel switches stamps on and off a little later.
    await sleep(20)
    return rateOf(measureTraffic('rr', candidate.ends, option('ms', 250), [core, core]))
  })
}

const figures = [
  ...(await answeringPeers('three-peers', FEW)),
  ...(await answeringPeers('fifteen-peers', MANY)),
  ...(await manyPeers(option('peers', 1000))),
  ...(await stamps()),
]
publish('probes', figures)
process.exit(0)
