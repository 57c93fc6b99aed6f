// Pods on a kernel that is not this machine's: the real agent and the real CNI program, fed from a static file.

import assert from 'node:assert/strict'
import { release } from 'node:os'
import { test } from 'node:test'
import { run } from '../agent/dump.ts'
import { nodeWithOutside } from '../agent/fixtures.ts'

const kernel = process.env.PODLANE_GUEST_KERNEL ?? 'unnamed'
/** What each of the guests' kernels is there for. */
const deviceOf: Readonly<Record<string, string>> = { '6.1': 'veth', '6.12': 'netkit' }

test(`pods wired by the CNI program reach each other over IPv4 and IPv6 on Linux ${kernel}`, async (t) => {
  assert.ok(release().startsWith(`${kernel}.`), release())
  const { bench } = nodeWithOutside(t)
  await bench.start()
  const [one, two] = [await bench.pod('one'), await bench.pod('two')]
  assert.equal(two.ips.length, 2)
  for (const ip of two.ips) run(one.ns, 'ping', '-c2', '-W3', ip)
  const status = await bench.status()
  assert.deepEqual([status.podDevice, status.complaints], [deviceOf[kernel], []])
  assert.deepEqual(
    status.pods.map((p) => p.device),
    [deviceOf[kernel], deviceOf[kernel]],
  )
  for (const pod of [one, two])
    assert.deepEqual([(await pod.check()).code, (await pod.del()).code], [0, 0], pod.container)
})
