// All that a report says, gathered before a word of it is written: for each part either what was measured or why it was
// not. What is missing is said, never filled in.

import type { Fault, Result } from '../../base/result.ts'
import type { Advice } from '../../schema/advice.ts'
import type { AgentStatus } from '../../schema/agent_status.ts'
import type { PathsReport } from '../../schema/paths_report.ts'
import type { ProfileReport } from '../../schema/profile_report.ts'
import type { SurgeCurves } from '../../schema/surge_curves.ts'

export type NodeFacts = {
  /** What the agent was asked by. */
  readonly socket: string
  readonly status: Result<AgentStatus>
  readonly paths: Result<PathsReport>
  readonly profile: Result<ProfileReport>
  readonly advice: Result<Advice>
}

export type ReportFacts = {
  /** ISO 8601. */
  readonly madeAt: string
  readonly hostName: string
  /** As uname says it. */
  readonly kernel: string
  /** Of the command that made the report. */
  readonly version: string
  readonly nodes: readonly NodeFacts[]
  readonly surge: Result<SurgeCurves>
}

export const nodeName = ({ status, socket }: NodeFacts): string =>
  status.ok ? status.value.nodeName : socket

/** Why a part is not there, in one sentence. */
export const whyText = ({ object, found, next }: Fault): string => `${object}: ${found}; ${next}`
