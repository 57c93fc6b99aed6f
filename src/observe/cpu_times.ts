// What the machine's processors did, as /proc/stat has it (proc_stat(5)). Idle time is exact where the tick stops in
// idle, so busy time is what is left of the wall's; how it is split into user and softirq is by ticks.

import { readFileSync } from 'node:fs'
import type { CpuTimes } from '../schema/profile_report.ts'

/** USER_HZ, the same on every Linux. */
const TICK_NS = 1e7

/** Since the machine started. */
export function readCpuTimes(path = '/proc/stat'): CpuTimes & { readonly cpus: number } {
  const lines = readFileSync(path, 'utf8').split('\n')
  const ticks = (lines[0] ?? '').split(/\s+/).slice(1).map(Number)
  const [user = 0, nice = 0, system = 0, idle = 0, wait = 0, irq = 0, softirq = 0, steal = 0] = ticks
  return {
    busyNs: (user + nice + system + irq + softirq + steal) * TICK_NS,
    idleNs: (idle + wait) * TICK_NS,
    userNs: (user + nice) * TICK_NS,
    softirqNs: softirq * TICK_NS,
    cpus: lines.filter((l) => /^cpu\d/.test(l)).length,
  }
}

/** @param wallNs of one processor: what was not idle was busy */
export function cpuDelta(
  before: CpuTimes,
  after: CpuTimes & { readonly cpus: number },
  wallNs: number,
): CpuTimes {
  const idleNs = Math.max(0, after.idleNs - before.idleNs)
  return {
    busyNs: Math.max(0, wallNs * after.cpus - idleNs),
    idleNs,
    userNs: Math.max(0, after.userNs - before.userNs),
    softirqNs: Math.max(0, after.softirqNs - before.softirqNs),
  }
}
