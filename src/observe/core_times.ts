// What each core has done since the machine began, from /proc/stat (proc_stat(5)): a node can be at its end while all but
// one of its cores are idle, which an average over the cores hides.

import { readFileSync } from 'node:fs'

export type CoreTimes = {
  readonly cpu: string
  /** Waiting for a disk included. Exact where the tick stops in idle; all else is counted by ticks. */
  readonly idleSeconds: number
  /** Where packets are received and forwarded. */
  readonly softirqSeconds: number
}

/** USER_HZ: what the kernel counts in for programs, the same on every Linux. */
const TICKS = 100

export const readCoreTimes = (file = '/proc/stat'): readonly CoreTimes[] =>
  parseCoreTimes(readFileSync(file, 'utf8'))

export function parseCoreTimes(text: string): readonly CoreTimes[] {
  return [...text.matchAll(/^cpu(\d+) (.+)$/gm)].map(([, cpu = '', numbers = '']) => {
    const [, , , idle = 0, wait = 0, , softirq = 0] = numbers.split(' ').map(Number)
    return { cpu, idleSeconds: (idle + wait) / TICKS, softirqSeconds: softirq / TICKS }
  })
}
