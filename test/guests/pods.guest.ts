// Pods on a kernel that is not this machine's: the real agent and the real CNI program, fed from a static file.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nodeWithOutside } from '../agent/fixtures.ts'
import { start } from '../agent/programs.ts'

test('pods wired by the CNI program reach each other over IPv4 and IPv6', async (t) => {
  const { bench } = nodeWithOutside(t)
  await bench.start()
  const [one, two] = [await bench.pod('one'), await bench.pod('two')]
  for (const ip of two.ips) assert.equal(await start(t, one.ns, 'ping', '-c2', '-W3', ip).ended, 0, ip)
  assert.equal((await one.check()).code, 0)
  assert.equal((await one.del()).code, 0)
})
