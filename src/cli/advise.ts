// `podlane advise`: what binds this node under its real load, and what would help.

import { MOST_SECONDS, parseAdvice } from '../schema/advice.ts'
import { adviceText } from './advise_text.ts'
import { askAgent, showAnswer } from './ask_agent.ts'
import { secondsOf } from './interval.ts'
import { orPrint } from './terminal.ts'

export type AdviseOptions = { readonly socket: string; readonly for: string; readonly json?: true }

export async function advise({ socket, json, ...options }: AdviseOptions): Promise<void> {
  const seconds = orPrint(secondsOf(options.for, MOST_SECONDS))
  if (seconds === undefined) return
  const asked = await askAgent(socket, `/advice?seconds=${seconds}`, seconds)
  showAnswer(asked, { socket, json: json === true, parse: parseAdvice, text: adviceText })
}
