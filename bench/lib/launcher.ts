// Calls of a CNI plugin through the stopwatch in C (bench/launch.c): times without the cost of Node's own processes.

import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { FOLDER } from './sandbox.ts'

const program = fileURLToPath(new URL('../../dist/bench-launch', import.meta.url))

export type Plugin = {
  readonly name: string
  /** The file that is executed. */
  readonly program: string
  readonly config: { readonly name: string } & Readonly<Record<string, unknown>>
  readonly environment: Readonly<Record<string, string>>
  /** Path of the node's network namespace. */
  readonly node: string
  /** The node's link of a container, where its going away is to be waited for. */
  readonly linkOf?: (containerId: string) => string
}

export type Pod = { readonly containerId: string; readonly netns: string }

export type Call = {
  readonly pod: Pod
  readonly startMs: number
  readonly endMs: number
  /** When the node's link was gone; undefined where nobody waited for it. */
  readonly goneMs: number | undefined
}

const MS = 1e6

/** All calls, `atOnce` of them at a time. Times are on the monotonic clock. A failed call ends the bench. */
export function callPlugin(
  plugin: Plugin,
  command: 'ADD' | 'DEL',
  pods: readonly Pod[],
  atOnce = 1,
): readonly Call[] {
  const configFile = `${FOLDER}/${plugin.name.replaceAll(/[^a-z]+/g, '-')}.json`
  writeFileSync(configFile, JSON.stringify(plugin.config))
  const linkOf = command === 'DEL' ? plugin.linkOf : undefined
  const jobs = pods.map(({ containerId, netns }) =>
    [command, containerId, netns, ...(linkOf ? [linkOf(containerId)] : [])].join('\t'),
  )
  const done = spawnSync(program, [plugin.node, String(atOnce), plugin.program, configFile], {
    input: `${jobs.join('\n')}\n`,
    encoding: 'utf8',
    env: { ...plugin.environment, CNI_IFNAME: 'eth0' },
  })
  if (done.error) throw done.error
  if (done.status !== 0 || done.stderr) throw new Error(`${plugin.name} ${command}: ${done.stderr}`)
  return done.stdout
    .trimEnd()
    .split('\n')
    .map((line, i) => callOf(line, pods[i], linkOf !== undefined))
}

function callOf(line: string, pod: Pod | undefined, watched: boolean): Call {
  const [, start, end, gone] = line.split('\t').map(Number)
  if (!pod || start === undefined || end === undefined) throw new Error(`the launcher said: ${line}`)
  if (watched && !gone) throw new Error(`the link of ${pod.containerId} did not go away`)
  return { pod, startMs: start / MS, endMs: end / MS, goneMs: gone ? gone / MS : undefined }
}

export const tookMs = (call: Call): number => call.endMs - call.startMs
