// The agent as a process of its own for tests: `node entry.ts CONFIG VERSION`. Ends with a fault in words when it
// cannot start. With PODLANE_TEST_HEALTH each line on stdin is what a prober would have found out, as JSON.

import { createInterface } from 'node:readline'
import { runAgent } from '../../src/agent/run.ts'
import { faultText } from '../../src/base/result.ts'

const [, , file = '', version = 'test'] = process.argv
const up = await runAgent(file, version)
if (!up.ok) {
  process.stderr.write(`${JSON.stringify({ msg: 'cannot start', fault: faultText(up.error) })}\n`)
  process.exit(1)
}
if (up.ok && process.env.PODLANE_TEST_HEALTH !== undefined)
  createInterface({ input: process.stdin }).on('line', (text) => {
    const { health, nowMs } = JSON.parse(text)
    up.value.observe(health, nowMs)
  })
