// What each core did: /proc/stat (proc_stat(5), ticks) and /proc/net/softnet_stat (net/core/net-procfs.c, hexadecimal:
// dropped is the second column, time_squeeze the third, the core's number the thirteenth).

import type { CoreLoad } from '../../schema/load_facts.ts'
import { readText } from './text_file.ts'

/** Since the machine started: ticks, and packets. */
export type CoreCounts = {
  readonly cpu: number
  readonly user: number
  readonly system: number
  readonly softirq: number
  readonly steal: number
  readonly idle: number
  readonly dropped: number
  readonly squeezed: number
}

export function readCores(stat = '/proc/stat', softnet = '/proc/net/softnet_stat'): readonly CoreCounts[] {
  const backlogs = backlogsOf(readText(softnet) ?? '')
  return [...(readText(stat) ?? '').matchAll(/^cpu(\d+) (.*)$/gm)].map(([, cpu, rest = '']) => {
    const ticks = rest.split(' ').map(Number)
    const [user = 0, nice = 0, system = 0, idle = 0, wait = 0, irq = 0, softirq = 0, steal = 0] = ticks
    const backlog = backlogs.get(Number(cpu)) ?? { dropped: 0, squeezed: 0 }
    return {
      ...{ cpu: Number(cpu), user: user + nice, system, softirq: irq + softirq, steal, idle: idle + wait },
      ...backlog,
    }
  })
}

function backlogsOf(text: string): ReadonlyMap<number, { dropped: number; squeezed: number }> {
  return new Map(
    text
      .split('\n')
      .filter((line) => line !== '')
      .map((line, i) => {
        const numbers = line.split(' ').map((word) => Number.parseInt(word, 16))
        return [numbers[12] ?? i, { dropped: numbers[1] ?? 0, squeezed: numbers[2] ?? 0 }]
      }),
  )
}

/** Shares are of all ticks in between, so that a tick that is late does no harm. */
export function coreLoads(
  before: readonly CoreCounts[],
  after: readonly CoreCounts[],
  seconds: number,
): readonly CoreLoad[] {
  return after.flatMap((now) => {
    const then = before.find((c) => c.cpu === now.cpu)
    if (!then) return []
    const by = (key: keyof CoreCounts): number => Math.max(0, now[key] - then[key])
    const all = by('user') + by('system') + by('softirq') + by('steal') + by('idle') || 1
    return [
      {
        cpu: now.cpu,
        user: by('user') / all,
        system: by('system') / all,
        softirq: by('softirq') / all,
        steal: by('steal') / all,
        idle: by('idle') / all,
        dropped: by('dropped') / seconds,
        squeezed: by('squeezed') / seconds,
      },
    ]
  })
}
