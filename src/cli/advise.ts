// `podlane advise`: what binds this node under its real load, and what would help.

import { err } from '../base/result.ts'
import { askSocket } from '../lab/socket_client.ts'
import { MOST_SECONDS, parseAdvice } from '../schema/advice.ts'
import { adviceText } from './advise_text.ts'
import { secondsOf, withProgress } from './interval.ts'
import { orPrint, print, printJson } from './terminal.ts'

export type AdviseOptions = { readonly socket: string; readonly for: string; readonly json?: true }

/** Beyond the interval, for an agent that is busy. */
const GRACE_MS = 20_000

export async function advise({ socket, json, ...options }: AdviseOptions): Promise<void> {
  const seconds = orPrint(secondsOf(options.for, MOST_SECONDS))
  if (seconds === undefined) return
  const asking = askSocket(socket, 'GET', `/advice?seconds=${seconds}`, undefined, seconds * 1000 + GRACE_MS)
  const asked = await (process.stderr.isTTY ? withProgress(asking, seconds) : asking)
  const next = 'start «podlane agent», or name its socket with --socket'
  const answer = orPrint(asked.ok ? asked : err({ ...asked.error, next }))
  if (answer === undefined) return
  // As it came: a newer agent may say more than this command knows.
  if (json) {
    printJson(answer)
    return
  }
  const advice = orPrint(parseAdvice(answer, socket))
  if (advice) print(adviceText(advice))
}
