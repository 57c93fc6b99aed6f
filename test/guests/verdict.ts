// What is to be thought of a guest's run: it has passed only if it says so by its exit code, tests did run, and neither
// they nor the kernel have anything against it.

import type { GuestRun } from './guest.ts'
import type { Kernel } from './kernels.ts'

export type Verdict = { readonly passed: boolean; readonly line: string }

/** Where a kernel says that something in it went wrong. */
const TROUBLE = /^.*(BUG:|WARNING: CPU|Oops|general protection|Call Trace).*$/m

export function judge(kernel: Pick<Kernel, 'name' | 'release'>, run: GuestRun): Verdict {
  // Several runs, a summary each.
  const count = (what: string): number =>
    [...run.output.matchAll(new RegExp(`^ℹ ${what} (\\d+)$`, 'gm'))].reduce(
      (n, found) => n + Number(found[1]),
      0,
    )
  const failed = count('fail') + count('cancelled')
  const trouble = TROUBLE.exec(run.output)?.[0].trim()
  const wrong = [
    ...(run.code === undefined ? ['the guest left no exit code'] : []),
    ...(run.code ? [`exit code ${run.code}`] : []),
    ...(failed > 0 ? [`${failed} failed`] : []),
    // A run without a test is no proof of anything.
    ...(count('pass') === 0 ? ['none passed'] : []),
    ...(trouble === undefined ? [] : [`the kernel complained: ${trouble}`]),
  ]
  const skipped = count('skipped') > 0 ? `, ${count('skipped')} skipped` : ''
  const figures = `${count('pass')} passed${skipped}, ${run.seconds.toFixed(0)} s`
  const line = [`${kernel.name.padEnd(5)} ${kernel.release.padEnd(22)} ${figures}`, ...wrong].join('; ')
  return { passed: wrong.length === 0, line }
}
