// The folder with the agent's sockets: nobody but root gets in, and the CNI program must find it.

import { chmodSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { type Fault, fault, ok, type Result } from '../base/result.ts'

/** Compiled into the CNI program (native/cni.c). */
const PROGRAM_SOCKET = '/run/podlane/cni.sock'

/** Mode 0700, whoever made the folder before. */
export function secureRunFolder(folder: string): Result<void> {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    chmodSync(folder, 0o700)
    return ok(undefined)
  } catch (error) {
    const found = error instanceof Error ? error.message : String(error)
    return fault(
      'bad-config',
      `folder ${folder}`,
      'a folder that the agent can write',
      found,
      'see directories.run',
    )
  }
}

/** The installed program asks at one place; only PODLANE_SOCKET in a runtime's environment leads it elsewhere. */
export function runFolderComplaints(folder: string, env: NodeJS.ProcessEnv): readonly Fault[] {
  const socket = join(folder, 'cni.sock')
  if (socket === (env.PODLANE_SOCKET || PROGRAM_SOCKET)) return []
  return [
    {
      kind: 'run-folder',
      object: 'config key directories.run',
      wanted: `the folder of ${env.PODLANE_SOCKET || PROGRAM_SOCKET}, where the CNI program asks`,
      found: folder,
      next: `leave it out, or set PODLANE_SOCKET=${socket} for the container runtime and for the agent`,
    },
  ]
}
