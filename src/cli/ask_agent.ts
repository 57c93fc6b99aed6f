// A question to an agent by its socket, and how its answer is shown: as it came, or as a text.

import { err, type Result } from '../base/result.ts'
import { askSocket } from '../lab/socket_client.ts'
import { withProgress } from './interval.ts'
import { orPrint, print, printJson } from './terminal.ts'

/** Beyond an interval, for an agent that is busy. */
const GRACE_MS = 20_000

/** @param seconds how long the agent measures before it answers; a person sees it go on */
export async function askAgent(socket: string, path: string, seconds = 0): Promise<Result<unknown>> {
  const asking =
    seconds === 0
      ? askSocket(socket, 'GET', path)
      : askSocket(socket, 'GET', path, undefined, seconds * 1000 + GRACE_MS)
  const asked = await (seconds > 0 && process.stderr.isTTY ? withProgress(asking, seconds) : asking)
  const next = 'start «podlane agent», or name its socket with --socket'
  return asked.ok ? asked : err({ ...asked.error, next })
}

export type Shown<T> = {
  readonly socket: string
  readonly json: boolean
  readonly parse: (value: unknown, source: string) => Result<T>
  readonly text: (value: T) => string
}

export function showAnswer<T>(asked: Result<unknown>, { socket, json, parse, text }: Shown<T>): void {
  const answer = orPrint(asked)
  if (answer === undefined) return
  // As it came: a newer agent may say more than this command knows.
  if (json) {
    printJson(answer)
    return
  }
  const value = orPrint(parse(answer, socket))
  if (value !== undefined) print(text(value))
}
