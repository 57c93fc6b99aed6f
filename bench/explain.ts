// `make bench-explain`: how long an explanation of a packet's way takes, in a lab that is up: each agent's own time, and the
// whole command with both agents. Options: --times (30).

import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { publish } from './lib/figures.ts'
import { option } from './lib/sandbox.ts'
import { pooled, spreadOf } from './lib/statistics.ts'

const MOST_MS = 100
const podlane = join(import.meta.dirname, '../podlane')

/** @returns milliseconds of the whole, and as each agent says */
function explainOnce(): { readonly wholeMs: number; readonly agentsMs: readonly number[] } {
  const began = performance.now()
  const { stdout, status } = spawnSync(
    podlane,
    ['lab', 'explain', 'node1-pod1', 'node3-pod1:8080', '--json'],
    { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] },
  )
  const wholeMs = performance.now() - began
  if (status !== 0) throw new Error(`podlane lab explain ended with ${status}`)
  return { wholeMs, agentsMs: [...stdout.matchAll(/"tookMs":\s*([\d.]+)/g)].map((found) => Number(found[1])) }
}

const first = explainOnce()
const rounds = Array.from({ length: option('times', 30) }, explainOnce)
const agents = rounds.map((r) => r.agentsMs)
publish('explain', [
  { name: 'agent.ms', unit: 'ms', ...pooled(agents, 0.5), goal: { atMost: MOST_MS } },
  { name: 'agent.p99.ms', unit: 'ms', ...pooled(agents, 0.99), goal: { atMost: MOST_MS } },
  { name: 'agent.first.ms', unit: 'ms', ...spreadOf(first.agentsMs), goal: { atMost: MOST_MS } },
  { name: 'command.ms', unit: 'ms', ...spreadOf(rounds.map((r) => r.wholeMs)), goal: { atMost: MOST_MS } },
])
