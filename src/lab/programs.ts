// The programs that the lab starts: this very one, in its bundle or in its sources, and those beside it.

import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** A program and the arguments that every call of it begins with. */
export type Program = readonly [file: string, ...args: string[]]

/** The first that exists: beside the bundle in production, in the sources in development. */
function beside(...candidates: readonly string[]): string {
  const paths = candidates.map((c) => fileURLToPath(new URL(c, import.meta.url)))
  const found = paths.find((p) => existsSync(p))
  if (!found) throw new Error(`none of ${paths.join(', ')} exists; run «make build»`)
  return found
}

/** Modules that a test loads before ours have no place in a lab's process. */
const node = (script: string): Program => [process.execPath, '--disable-warning=ExperimentalWarning', script]

/** `podlane` with its subcommands. */
export const podlaneProgram = (): Program => node(beside('./podlane.js', '../cli/main.ts'))
export const podServerProgram = (): Program => node(beside('./pod_server.js', './pod_server.ts'))
/** The static CNI program, as install-cni copies it. */
export const cniProgram = (): string => beside('./podlane-cni', '../../dist/podlane-cni')
