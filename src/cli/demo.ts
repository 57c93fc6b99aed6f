// `podlane demo`: a lab from nothing to nothing, with what it shows in between. It takes down what it brought up in
// any case, also when a step fails or somebody presses Ctrl-C.

import { ok } from '../base/result.ts'
import { type CheckReport, checkLab } from '../lab/check/check.ts'
import { labLeftovers, takeDown } from '../lab/down.ts'
import { labSteps, type Step } from '../lab/up.ts'
import { checkText } from './check_text.ts'
import type { UpOptions } from './lab.ts'
import { labOptionsOf } from './lab_commands.ts'
import { runSteps } from './steps.ts'
import { FAILED, orPrint, print } from './terminal.ts'

const INTERRUPTED = 130

export async function demo(options: UpOptions): Promise<void> {
  const labOptions = labOptionsOf(options)
  // Before anything is touched: a lab of somebody else stays.
  const steps = orPrint(labSteps(labOptions))
  if (!steps) return
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void interrupted())
  let report: CheckReport | undefined
  const check: Step = {
    title: 'Check every pair',
    run: async (say) => {
      say('ICMP, TCP, UDP, HTTP, path MTU')
      const checked = await checkLab()
      if (!checked.ok) return checked
      report = checked.value
      return ok(undefined)
    },
  }
  const down: Step = {
    title: 'Take the lab down',
    run: async () => {
      const removed = await takeDown()
      return removed.ok ? ok(undefined) : removed
    },
  }
  const shown = await runSteps([...steps, check], false)
  orPrint(shown)
  if (report) print(`\n${checkText(report)}\n`)
  orPrint(await runSteps([down], false))
  if (!report || report.failed.length > 0) process.exitCode = FAILED
}

/** The step under way may still make something: until nothing is left. */
async function interrupted(): Promise<void> {
  process.stderr.write('\nInterrupted: the lab is taken down.\n')
  for (let tries = 0; tries < 5; tries++) {
    orPrint(await takeDown())
    if (!labLeftovers()) break
  }
  process.exit(INTERRUPTED)
}
