// «--for 10s»: an interval that is measured from now on, and how a person sees that it goes on.

import { fault, ok, type Result } from '../base/result.ts'

const PROGRESS_MS = 200
const BAR_LETTERS = 30

/** 0: none is said. */
export function secondsOf(text: string | undefined, most: number): Result<number> {
  if (text === undefined) return ok(0)
  const [, amount, unit] = /^(\d+(?:\.\d+)?)(s|m)?$/.exec(text) ?? []
  const seconds = Number(amount) * (unit === 'm' ? 60 : 1)
  if (seconds > 0 && seconds <= most) return ok(seconds)
  const wanted = `a duration up to ${most / 60}m`
  return fault('bad-option', `--for ${text}`, wanted, text, 'say for instance 10s')
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
