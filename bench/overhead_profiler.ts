// The continuous profile in a process of its own, as the agent runs it, switched by lines on standard input:
// «HZ» (0: off) and «tell». Each is answered by one line: what sampling has taken so far.

import { createInterface } from 'node:readline'
import { must } from '../src/base/result.ts'
import { Profiler } from '../src/observe/profile/profiler.ts'

/** As src/agent/profile_answer.ts does it. */
const DRAIN_MS = 5_000

const profiler = new Profiler(0)
let stop: (() => Promise<void>) | undefined
setInterval(() => void profiler.look(), DRAIN_MS)
// Reading the kernel's functions comes once in ten minutes: not in the first round.
await must(await profiler.raise(1))()
for await (const line of createInterface({ input: process.stdin })) {
  if (line !== 'tell') {
    await stop?.()
    const hz = Number(line)
    stop = hz > 0 ? must(await profiler.raise(hz)) : undefined
  }
  const { samples, programNs, readNs } = await profiler.look()
  process.stdout.write(`${JSON.stringify({ samples, programNs, readNs })}\n`)
}
process.exit(0)
