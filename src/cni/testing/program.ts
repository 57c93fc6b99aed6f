// The real CNI program against a socket of the test's own, as a runtime starts it: environment, stdin, stdout, code.

import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createNetns, removeNetns } from '../../kernel/netns.ts'
import type { Variables } from './calls.ts'

export const programPath = fileURLToPath(new URL('../../../dist/podlane-cni', import.meta.url))
if (!existsSync(programPath)) throw new Error(`${programPath} is not built: run «make dist/podlane-cni»`)

export type Ended = {
  /** Undefined where a signal ended it. */
  readonly code: number | undefined
  readonly stdout: string
  readonly json: Record<string, unknown>
}

export type Run = { readonly ended: Promise<Ended>; readonly kill: () => void }

/** Starts the program; `variables` are its whole environment. */
export function startProgram(
  variables: Variables,
  stdin: string | Uint8Array,
  program: readonly string[] = [programPath],
): Run {
  const [file = '', ...args] = program
  const child = spawn(file, args, { env: { ...variables }, stdio: ['pipe', 'pipe', 'inherit'] })
  const pieces: Buffer[] = []
  child.stdout.on('data', (piece: Buffer) => pieces.push(piece))
  // The program may end without having read all that it is given.
  child.stdin.on('error', () => {})
  child.stdin.end(stdin)
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => {
      const stdout = Buffer.concat(pieces).toString()
      resolve({ code: code ?? undefined, stdout, json: stdout ? JSON.parse(stdout) : {} })
    })
  })
  return { ended, kill: () => child.kill('SIGKILL') }
}

export const runProgram = (...given: Parameters<typeof startProgram>): Promise<Ended> =>
  startProgram(...given).ended

/** A folder with a network namespace in it, and the paths that a test needs. */
export function createBench() {
  const folder = mkdtempSync(join(tmpdir(), 'podlane-cni-'))
  const netns = join(folder, 'netns')
  createNetns(netns)
  const socket = join(folder, 'run', 'cni.sock')
  return {
    folder,
    netns,
    socket,
    deleted: join(folder, 'run', 'deleted'),
    /** Impatient, so that a test of a missing agent does not last. */
    variables: {
      PODLANE_SOCKET: socket,
      PODLANE_WAIT_MS: '150',
      PODLANE_TIMEOUT_MS: '5000',
      CNI_NETNS: netns,
    },
    remove: () => {
      removeNetns(netns)
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

export const openDescriptors = (): number => readdirSync('/proc/self/fd').length
