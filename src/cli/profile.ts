// `podlane profile`: where this machine's CPU time for packets goes, as its agent has sampled it.

import { err, fault, ok, type Result } from '../base/result.ts'
import { askSocket } from '../lab/socket_client.ts'
import { MOST_SECONDS, parseProfileReport } from '../schema/profile_report.ts'
import { profileText } from './profile_text.ts'
import { orPrint, print, printJson } from './terminal.ts'

export type ProfileOptions = { readonly socket: string; readonly for?: string; readonly json?: true }

/** Beyond the interval, for an agent that is busy. */
const GRACE_MS = 20_000
const PROGRESS_MS = 200
const BAR_LETTERS = 30

export async function profile({ socket, json, ...options }: ProfileOptions): Promise<void> {
  const seconds = orPrint(secondsOf(options.for))
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

/** 0: none is said. */
export function secondsOf(text: string | undefined): Result<number> {
  if (text === undefined) return ok(0)
  const [, amount, unit] = /^(\d+(?:\.\d+)?)(s|m)?$/.exec(text) ?? []
  const seconds = Number(amount) * (unit === 'm' ? 60 : 1)
  if (seconds > 0 && seconds <= MOST_SECONDS) return ok(seconds)
  const wanted = `a duration up to ${MOST_SECONDS / 60}m`
  return fault('bad-option', `--for ${text}`, wanted, text, 'say for instance 10s')
}

async function withProgress<T>(asking: Promise<T>, seconds: number): Promise<T> {
  const fromMs = performance.now()
  const show = (): void => {
    const share = Math.min(1, (performance.now() - fromMs) / (seconds * 1000))
    const filled = Math.round(share * BAR_LETTERS)
    const bar = '█'.repeat(filled) + '░'.repeat(BAR_LETTERS - filled)
    process.stderr.write(`\r${bar} ${Math.round(share * seconds)} of ${seconds} s`)
  }
  const timer = setInterval(show, PROGRESS_MS)
  try {
    return await asking
  } finally {
    clearInterval(timer)
    process.stderr.write('\r\x1b[K')
  }
}
