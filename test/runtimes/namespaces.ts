// Namespaces that end with this process: the first process in them waits for the end of its stdin, so that a test
// that is killed leaves no namespace, mount or process behind.

import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { startCommand } from './command.ts'

/** Gives the argv that runs the given argv inside. */
export type Enter = (argv: readonly string[]) => readonly string[]

export type Kind = 'mount' | 'net' | 'pid'

export type HeldNamespaces = {
  /** Its first process, as numbered where the namespaces were made: /proc/PID/ns/net is a path for CNI_NETNS. */
  readonly pid: number
  readonly enter: Enter
  readonly close: () => Promise<void>
}

// The number is read from the procfs of the outer pid namespace, so before `setup` mounts another. sh reaps the
// orphans of a pid namespace while it waits; a background `cat` needs the explicit stdin, sh gives it /dev/null.
const firstProcess = (setup: string): string => `
  set -e
  read -r pid _ </proc/self/stat
  ${setup}
  echo $pid
  exec 3<&0 >/dev/null
  cat <&3 & wait $!`

/** The first line, or nothing where the stream ends before. */
const readLine = async (stream: Readable): Promise<string | undefined> => {
  for await (const line of createInterface({ input: stream })) return line
  return undefined
}

/** Makes new namespaces of these kinds inside `outer`; `setup` is shell text that runs in them first. */
export const holdNamespaces = async (
  outer: Enter,
  kinds: readonly Kind[],
  setup = '',
): Promise<HeldNamespaces> => {
  const flags = kinds.map((kind) => `--${kind}`)
  const forking = kinds.includes('pid') ? ['--fork', '--kill-child'] : []
  const child = startCommand(outer(['unshare', ...flags, ...forking, 'sh', '-c', firstProcess(setup)]))
  const gone = once(child, 'exit')
  const complaint = text(child.stderr)
  const line = await readLine(child.stdout)
  const pid = Number(line)
  if (!Number.isInteger(pid) || pid <= 0)
    throw new Error(`no namespaces ${kinds.join(', ')}: ${await complaint}`)
  return {
    pid,
    enter: (argv) => outer(['nsenter', '--target', String(pid), ...flags, '--', ...argv]),
    close: async () => {
      child.stdin.end()
      await gone
    },
  }
}
