// What each core has done since the machine began, from /proc/stat (proc(5)): a node can be at its end while all but one
// of its cores are idle, which an average over the cores hides.

import { readFileSync } from 'node:fs'

export type CpuTimes = {
  readonly cpu: string
  /** Receiving and forwarding packets, for the most part. */
  readonly softirqSeconds: number
  /** All else that is not idling; also what a hypervisor took away. */
  readonly otherSeconds: number
}

/** USER_HZ: what the kernel counts in for programs, on every architecture that Node.js runs on. */
const TICKS = 100

export const readCpuTimes = (file = '/proc/stat'): readonly CpuTimes[] =>
  parseCpuTimes(readFileSync(file, 'utf8'))

/** Guests' time stands in `user` already. */
export function parseCpuTimes(text: string): readonly CpuTimes[] {
  return [...text.matchAll(/^cpu(\d+) (.+)$/gm)].map(([, cpu = '', numbers = '']) => {
    const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = numbers
      .split(' ')
      .map(Number)
    return {
      cpu,
      softirqSeconds: softirq / TICKS,
      otherSeconds: (user + nice + system + irq + steal) / TICKS,
    }
  })
}
