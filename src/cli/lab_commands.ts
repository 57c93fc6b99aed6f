// What the subcommands of `podlane lab` do: each calls the lab and prints what came of it.

import { spawnSync } from 'node:child_process'
import { fault } from '../base/result.ts'
import { takeDown } from '../lab/down.ts'
import { enter } from '../lab/enter.ts'
import { kubeconfigFile } from '../lab/paths.ts'
import { type LabOptions, readRecord } from '../lab/record.ts'
import { labSteps } from '../lab/up.ts'
import type { UpOptions } from './lab.ts'
import { runSteps } from './steps.ts'
import { FAILED, orPrint, print, printFault, printJson } from './terminal.ts'

export const labOptionsOf = (o: UpOptions): LabOptions => ({
  nodes: o.nodes,
  pods: o.pods,
  segments: o.segments,
  families: o.dual ? 'dual' : o.ipv6 ? 'ipv6' : 'ipv4',
  pathMode: o.path,
  mtuBytes: o.mtu,
  lane: o.lane,
  agent: o.agent !== false,
})

export async function up(options: UpOptions): Promise<void> {
  const json = options.json === true
  const steps = orPrint(labSteps(labOptionsOf(options)))
  if (!steps) return
  const done = await runSteps(steps, json)
  if (!done.ok) return printFault(done.error)
  if (json) printJson({ options: readRecord()?.options, kubeconfig: kubeconfigFile })
  else
    print(`\nThe lab is up. KUBECONFIG=${kubeconfigFile} kubectl get pods -o wide\nNext: podlane lab check`)
}

export async function status(json: boolean): Promise<void> {
  if (!standing()) return
  const { labStatus } = await import('../lab/status.ts')
  const { labStatusText } = await import('./lab_text.ts')
  const facts = await labStatus()
  if (json) printJson(facts)
  else print(labStatusText(facts))
}

export async function check(json: boolean): Promise<void> {
  if (!standing()) return
  const { checkLab } = await import('../lab/check/check.ts')
  const { checkText } = await import('./check_text.ts')
  const report = orPrint(await checkLab())
  if (!report) return
  const { pairs, reached, failed, checks } = report
  if (json) printJson({ pairs, reached, failed, checks })
  else print(checkText(report))
  if (failed.length > 0) process.exitCode = FAILED
}

export async function exec(where: string, command: readonly string[]): Promise<void> {
  if (!standing()) return
  // Commander leaves the dashes that set our options apart from the command's.
  const argv = command[0] === '--' ? command.slice(1) : command
  const entered = orPrint(await enter(where, argv))
  if (!entered) return
  const [file = '', ...args] = entered
  const ran = spawnSync(file, args, { stdio: 'inherit' })
  process.exitCode = ran.status ?? FAILED
}

export function kubeconfig(): void {
  if (standing()) print(kubeconfigFile)
}

export async function down(json: boolean): Promise<void> {
  const removed = orPrint(await takeDown())
  if (!removed) return
  if (json) printJson(removed)
  else
    print(`The lab is down: ${removed.processes} processes ended, ${removed.namespaces} namespaces removed.`)
}

function standing(): boolean {
  if (readRecord()) return true
  const { error } = fault('lab', 'the lab', 'one that is up', 'none', 'run «podlane lab up»')
  printFault(error)
  return false
}
