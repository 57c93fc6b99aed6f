// `podlane report`: what one or more agents know, as one HTML file that can be read anywhere.

import { readFileSync, writeFileSync } from 'node:fs'
import { hostname, release } from 'node:os'
import { fault, ok, type Result } from '../base/result.ts'
import { nodeNames } from '../lab/enter.ts'
import { agentSocket } from '../lab/paths.ts'
import { MOST_SECONDS } from '../schema/advice.ts'
import { parseSurgeCurves, type SurgeCurves } from '../schema/surge_curves.ts'
import { secondsOf, withProgress } from './interval.ts'
import { gatherNode } from './report/gather.ts'
import { reportPage } from './report/page.ts'
import { FAILED, orPrint, print, printFault, printJson } from './terminal.ts'

export type ReportOptions = {
  readonly output: string
  readonly for: string
  readonly surge?: string
  readonly socket?: readonly string[]
  readonly lab?: true
  readonly json?: true
}

const USUAL_SOCKET = '/run/podlane/agent.sock'

export async function report(options: ReportOptions, version: string): Promise<void> {
  const sockets = orPrint(socketsOf(options))
  const seconds = orPrint(secondsOf(options.for, MOST_SECONDS))
  const surge = readSurge(options.surge)
  // A file that was asked for by name and cannot be read is a mistake, not a gap in the report.
  if (options.surge !== undefined && !surge.ok) return printFault(surge.error)
  if (!sockets || seconds === undefined) return
  const asking = Promise.all(sockets.map((socket) => gatherNode(socket, seconds)))
  const nodes = await (process.stderr.isTTY ? withProgress(asking, seconds) : asking)
  const facts = {
    madeAt: new Date().toISOString(),
    hostName: hostname(),
    kernel: release(),
    version,
    nodes,
    surge,
  }
  const page = options.json ? undefined : orPrint(write(options.output, reportPage(facts)))
  if (options.json) printJson(facts)
  else if (page) print(page)
  // A report of nobody is no success, though it says why.
  if (nodes.every((n) => !n.status.ok)) process.exitCode = FAILED
}

function socketsOf({ lab, socket }: ReportOptions): Result<readonly string[]> {
  if (!lab) return ok(socket ?? [USUAL_SOCKET])
  const names = nodeNames()
  if (names.length > 0) return ok([...names.map(agentSocket), ...(socket ?? [])])
  return fault('lab', 'the lab', 'one that is up', 'none', 'run «podlane lab up»')
}

function readSurge(file: string | undefined): Result<SurgeCurves> {
  if (file === undefined)
    return fault(
      'not-given',
      'surge',
      'a file of curves',
      'no file was given',
      'run «make bench-surge», and give its curves with --surge',
    )
  try {
    return parseSurgeCurves(readFileSync(file, 'utf8'), file)
  } catch (error) {
    return fault('bad-option', file, 'curves of «make bench-surge»', String(error), 'correct --surge')
  }
}

function write(file: string, page: string): Result<string> {
  try {
    writeFileSync(file, page)
    return ok(`${file}: ${Math.ceil(page.length / 1024)} KiB`)
  } catch (error) {
    return fault('bad-option', file, 'a file that can be written', String(error), 'give another --output')
  }
}
