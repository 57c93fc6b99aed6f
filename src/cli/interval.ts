// «--for 10s»: an interval that is measured from now on, and how a person sees that it goes on.

import { fault, ok, type Result } from '../base/result.ts'

const PROGRESS_MS = 200
const BAR_LETTERS = 30

export type Span = {
  readonly option: string
  readonly most: number
  readonly least?: number
  readonly example: string
}
const FOR = { option: '--for', example: '10s' }

/** @param most of seconds. 0: none is said */
export const secondsOf = (text: string | undefined, most: number): Result<number> =>
  text === undefined ? ok(0) : spanOf(text, { ...FOR, most })

/** A duration as `10s`, `2m` or `0.2s`, in seconds; above 0 and within its bounds. */
export function spanOf(text: string, { option, least = 0, most, example }: Span): Result<number> {
  const [, amount, unit] = /^(\d+(?:\.\d+)?)(s|m)?$/.exec(text) ?? []
  const seconds = Number(amount) * (unit === 'm' ? 60 : 1)
  if (seconds > 0 && seconds >= least && seconds <= most) return ok(seconds)
  const upTo = most % 60 === 0 ? `${most / 60}m` : `${most}s`
  const wanted = least > 0 ? `a duration from ${least}s to ${upTo}` : `a duration up to ${upTo}`
  return fault('bad-option', `${option} ${text}`, wanted, text, `say for instance ${example}`)
}

/** A bar where a person waits. */
export async function withProgress<T>(asking: Promise<T>, seconds: number): Promise<T> {
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
