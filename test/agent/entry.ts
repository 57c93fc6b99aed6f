// The agent as a process of its own for tests: `node entry.ts CONFIG VERSION`. Ends with a fault in words when it
// cannot start.

import { runAgent } from '../../src/agent/run.ts'
import { faultText } from '../../src/base/result.ts'

const [, , file = '', version = 'test'] = process.argv
const up = await runAgent(file, version)
if (!up.ok) {
  process.stderr.write(`${JSON.stringify({ msg: 'cannot start', fault: faultText(up.error) })}\n`)
  process.exit(1)
}
