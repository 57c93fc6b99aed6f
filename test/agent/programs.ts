// Programs inside a test's namespaces: ended with the test, started by the time they are used.

import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { TestNamespace } from '../namespaces.ts'
import { run, shell } from './dump.ts'
import { until } from './until.ts'

export type Program = {
  readonly output: () => string
  readonly ended: Promise<number>
  readonly child: ChildProcess
}

export function start(t: TestContext, ns: TestNamespace, ...argv: string[]): Program {
  const child = spawn('nsenter', [`--net=${ns.path}`, ...argv], { stdio: ['ignore', 'pipe', 'pipe'] })
  let text = ''
  child.stdout.on('data', (piece: Buffer) => {
    text += piece
  })
  child.stderr.on('data', (piece: Buffer) => {
    text += piece
  })
  const ended = new Promise<number>((resolve) => child.on('close', (code) => resolve(code ?? -1)))
  t.after(async () => {
    child.kill('SIGKILL')
    await ended
  })
  return { output: () => text, ended, child }
}

/** A web server with one file `data` of this size. */
export async function serveFile(
  t: TestContext,
  ns: TestNamespace,
  port: number,
  bytes: number,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'podlane-files-'))
  writeFileSync(join(folder, 'data'), Buffer.alloc(bytes, 'x'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  start(t, ns, 'busybox', 'httpd', '-f', '-p', String(port), '-h', folder)
  await listens(ns, port)
}

export async function listens(ns: TestNamespace, port: number): Promise<void> {
  await until(`something listens on ${port}`, () => run(ns, 'ss', '-ltnH').includes(`:${port} `))
}

/** Bytes fetched; 0 if the server cannot be reached. */
export const fetched = (ns: TestNamespace, url: string, seconds = 20): number =>
  Number(shell(ns, `timeout ${seconds} busybox wget -qO- http://${url}/data 2>/dev/null | wc -c`).trim())
