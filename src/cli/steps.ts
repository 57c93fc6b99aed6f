// Steps that a person can follow: a live list on a terminal, a line for each otherwise, nothing where the output is
// for a program.

import { err, type Fault, faultText, ok, type Result } from '../base/result.ts'
import type { Step } from '../lab/up.ts'
import { paint } from './terminal.ts'

/** Ends at the first fault. */
export function runSteps(steps: readonly Step[], quiet: boolean): Promise<Result<void>> {
  if (!quiet && process.stdout.isTTY) return runLive(steps)
  return runPlain(steps, quiet ? () => {} : (line) => process.stdout.write(`${line}\n`))
}

async function runPlain(steps: readonly Step[], write: (line: string) => void): Promise<Result<void>> {
  for (const step of steps) {
    const startMs = performance.now()
    const done = await step.run(() => {})
    if (!done.ok) return done
    write(`${step.title}: done in ${Math.round(performance.now() - startMs)} ms`)
  }
  return ok(undefined)
}

class StepFailed extends Error {
  readonly fault: Fault
  constructor(fault: Fault) {
    super(faultText(fault))
    this.fault = fault
  }
}

async function runLive(steps: readonly Step[]): Promise<Result<void>> {
  const { Listr } = await import('listr2')
  const tasks = steps.map((step) => ({
    title: step.title,
    task: async (_: unknown, task: { title: string; output: string }): Promise<void> => {
      const startMs = performance.now()
      const done = await step.run((progress) => {
        task.output = progress
      })
      if (!done.ok) throw new StepFailed(done.error)
      task.title = `${step.title} ${paint('dim', `${Math.round(performance.now() - startMs)} ms`)}`
    },
  }))
  try {
    await new Listr(tasks, {
      rendererOptions: { showErrorMessage: false },
      registerSignalListeners: false,
    }).run()
    return ok(undefined)
  } catch (error) {
    if (error instanceof StepFailed) return err(error.fault)
    throw error
  }
}
