// `podlane profile`: where this machine's CPU time for packets goes, as its agent has sampled it.

import { err } from '../base/result.ts'
import { askSocket } from '../lab/socket_client.ts'
import { MOST_SECONDS, parseProfileReport } from '../schema/profile_report.ts'
import { secondsOf, withProgress } from './interval.ts'
import { profileText } from './profile_text.ts'
import { orPrint, print, printJson } from './terminal.ts'

export type ProfileOptions = { readonly socket: string; readonly for?: string; readonly json?: true }

/** Beyond the interval, for an agent that is busy. */
const GRACE_MS = 20_000

export async function profile({ socket, json, ...options }: ProfileOptions): Promise<void> {
  const seconds = orPrint(secondsOf(options.for, MOST_SECONDS))
  if (seconds === undefined) return
  const path = seconds === 0 ? '/profile' : `/profile?seconds=${seconds}`
  const asking = askSocket(socket, 'GET', path, undefined, seconds * 1000 + GRACE_MS)
  const asked = await (seconds > 0 && process.stderr.isTTY ? withProgress(asking, seconds) : asking)
  const next = 'start «podlane agent», or name its socket with --socket'
  const answer = orPrint(asked.ok ? asked : err({ ...asked.error, next }))
  if (answer === undefined) return
  // As it came: a newer agent may say more than this command knows.
  if (json) {
    printJson(answer)
    return
  }
  const report = orPrint(parseProfileReport(answer, socket))
  if (report) print(profileText(report))
}
