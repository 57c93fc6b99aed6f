// Commands run to their end, with what they said. A command that fails unexpectedly throws, because in a test that
// is the whole story.

import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'

export type Outcome = { readonly code: number; readonly stdout: string; readonly stderr: string }

export type CommandOptions = {
  readonly env?: Readonly<Record<string, string>>
  readonly input?: string
  readonly timeoutMs?: number
}

export const startCommand = (
  argv: readonly string[],
  env: CommandOptions['env'] = {},
): ChildProcessWithoutNullStreams => {
  const [program, ...args] = argv
  if (program === undefined) throw new Error('a command needs at least one word')
  return spawn(program, args, { env: { ...process.env, ...env }, stdio: 'pipe' })
}

/** Whatever the outcome is. A command still running after `timeoutMs` (20 s) is killed and reports code 137. */
export const tryCommand = async (argv: readonly string[], options: CommandOptions = {}): Promise<Outcome> => {
  const child = startCommand(argv, options.env)
  const timer = setTimeout(() => child.kill('SIGKILL'), options.timeoutMs ?? 20_000)
  // A program may end without having read its stdin; that is its right.
  child.stdin.on('error', () => undefined).end(options.input ?? '')
  const gone = once(child, 'close')
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)])
  await gone
  clearTimeout(timer)
  return { code: child.exitCode ?? 137, stdout, stderr }
}

/** The stdout of a command that must succeed. */
export const runCommand = async (argv: readonly string[], options: CommandOptions = {}): Promise<string> => {
  const { code, stdout, stderr } = await tryCommand(argv, options)
  if (code !== 0) throw new Error(`«${argv.join(' ')}» exited with ${code}: ${stderr}${stdout}`)
  return stdout
}

/** Asks again, every 50 ms, until `probe` gives a value; after `timeoutMs` (10 s) throws with `what` was awaited. */
export const waitFor = async <T>(
  what: string,
  probe: () => Promise<T | undefined>,
  timeoutMs = 10_000,
): Promise<T> => {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    const value = await probe()
    if (value !== undefined) return value
    if (performance.now() > deadline) throw new Error(`waited ${timeoutMs} ms in vain for ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
