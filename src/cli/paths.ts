// `podlane paths`: per peer each path that there is, what its probes have found, and what a better one would need.

import { fault, ok, type Result } from '../base/result.ts'
import { nearestName } from '../schema/nearest.ts'
import { type PathsReport, parsePathsReport } from '../schema/paths_report.ts'
import { askAgent } from './ask_agent.ts'
import { pathsText } from './paths_text.ts'
import { orPrint, print, printJson } from './terminal.ts'

export type PathsOptions = { readonly socket: string; readonly peer?: string; readonly json?: true }

export async function showPaths({ socket, peer, json }: PathsOptions): Promise<void> {
  const asked = await askAgent(socket, '/paths')
  const report = asked.ok ? parsePathsReport(asked.value, socket) : asked
  const shown = orPrint(report.ok ? only(report.value, peer) : report)
  if (!shown) return
  if (json) printJson(shown)
  else print(pathsText(shown))
}

function only(report: PathsReport, peer: string | undefined): Result<PathsReport> {
  if (peer === undefined) return ok(report)
  const peers = report.peers.filter((p) => p.peer === peer)
  if (peers.length > 0) return ok({ peers })
  const names = report.peers.map((p) => p.peer)
  const nearest = nearestName(peer, names)
  const found = nearest === undefined ? 'no other node is known' : `the nearest is ${nearest}`
  return fault('bad-option', `peer ${peer}`, 'the name of another node', found, 'see «podlane paths»')
}
