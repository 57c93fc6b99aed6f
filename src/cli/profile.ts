// `podlane profile`: where this machine's CPU time for packets goes, as its agent has sampled it.

import { MOST_SECONDS, parseProfileReport } from '../schema/profile_report.ts'
import { askAgent, showAnswer } from './ask_agent.ts'
import { secondsOf } from './interval.ts'
import { profileText } from './profile_text.ts'
import { orPrint } from './terminal.ts'

export type ProfileOptions = { readonly socket: string; readonly for?: string; readonly json?: true }

export async function profile({ socket, json, ...options }: ProfileOptions): Promise<void> {
  const seconds = orPrint(secondsOf(options.for, MOST_SECONDS))
  if (seconds === undefined) return
  const path = seconds === 0 ? '/profile' : `/profile?seconds=${seconds}`
  const asked = await askAgent(socket, path, seconds)
  showAnswer(asked, { socket, json: json === true, parse: parseProfileReport, text: profileText })
}
