// The agent as a process of its own for tests: `node entry.ts CONFIG VERSION`. Ends with a fault in words when it
// cannot start. With PODLANE_TEST_HEALTH each line on stdin is JSON: what a prober would have found out, now or `laterMs`
// from now, or by how much the wall clock is set.

import { createInterface } from 'node:readline'
import { runAgent } from '../../src/agent/run.ts'
import { steadyClock } from '../../src/base/clock.ts'
import { faultText } from '../../src/base/result.ts'

const [, , file = '', version = 'test'] = process.argv
const up = await runAgent(file, version)
if (!up.ok) {
  process.stderr.write(`${JSON.stringify({ msg: 'cannot start', fault: faultText(up.error) })}\n`)
  process.exit(1)
}
if (up.ok && process.env.PODLANE_TEST_HEALTH !== undefined)
  createInterface({ input: process.stdin }).on('line', (text) => {
    const { health, laterMs = 0, setClockMs } = JSON.parse(text)
    if (setClockMs !== undefined) setClock(setClockMs)
    else up.value.observe(health, steadyClock.nowMs() + laterMs)
  })

/** As if an operator or chrony had set it: the machine's own is not a test's to set. */
function setClock(byMs: number): void {
  const now = Date.now
  Date.now = () => now() + byMs
}
