// One run of the real agent inside a test's network namespace, its log in memory.

import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { TestNamespace } from '../namespaces.ts'
import { until } from './until.ts'

/** In a guest, where TypeScript is slow: the same file bundled. */
const entry = process.env.PODLANE_TEST_AGENT ?? fileURLToPath(new URL('./entry.ts', import.meta.url))

export type LogLine = { readonly msg: string } & Readonly<Record<string, unknown>>

export type AgentProcess = {
  readonly pid: number
  readonly lines: readonly LogLine[]
  /** What this run wrote into the kernel, in its own words. */
  readonly changes: () => string[]
  readonly faults: () => string[]
  readonly up: () => Promise<void>
  /** A line on its stdin. */
  readonly tell: (text: string) => void
  readonly ended: Promise<number | NodeJS.Signals>
  readonly signal: (name: NodeJS.Signals) => void
  /** SIGKILL, and gone when it resolves. */
  readonly kill: () => Promise<void>
}

export function startAgentProcess(
  node: TestNamespace,
  config: string,
  version = 'test',
  env: NodeJS.ProcessEnv = {},
): AgentProcess {
  const child: ChildProcess = spawn(
    'nsenter',
    [`--net=${node.path}`, process.execPath, entry, config, version],
    { stdio: ['pipe', 'ignore', 'pipe'], env: { ...process.env, NODE_V8_COVERAGE: undefined, ...env } },
  )
  const lines: LogLine[] = []
  if (!child.stderr) throw new Error('no stderr')
  createInterface({ input: child.stderr }).on('line', (text) => lines.push(parsed(text)))
  let code: number | NodeJS.Signals | undefined
  const ended = new Promise<number | NodeJS.Signals>((resolve) => {
    child.on('close', (exit, signal) => {
      code = exit ?? signal ?? -1
      resolve(code)
    })
  })
  const said = (message: string, key: string): string[] =>
    lines.filter((l) => l.msg === message).map((l) => String(l[key]))
  return {
    pid: child.pid ?? -1,
    lines,
    changes: () => said('kernel changed', 'change'),
    faults: () => said('a fault', 'fault'),
    // A busy machine may take long to start a process.
    up: () =>
      until(
        'the agent is up',
        () => {
          if (code !== undefined) throw new Error(`the agent ended with ${code}: ${tail(lines)}`)
          return lines.some((l) => l.msg === 'agent is up')
        },
        30_000,
      ),
    tell: (text) => void child.stdin?.write(`${text}\n`),
    ended,
    signal: (name) => child.kill(name),
    kill: async () => {
      child.kill('SIGKILL')
      await ended
    },
  }
}

function parsed(text: string): LogLine {
  try {
    return JSON.parse(text) as LogLine
  } catch {
    return { msg: text }
  }
}

const tail = (lines: readonly LogLine[]): string =>
  lines
    .slice(-15)
    .map((l) => JSON.stringify(l))
    .join('\n')
