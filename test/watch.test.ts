import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { watchKernel } from '../src/apply/watch.ts'
import { setCompletesChecksums } from '../src/kernel/ethtool.ts'
import { sendBare } from '../src/observe/probes/bare.ts'
import { run } from './agent/dump.ts'
import { until } from './agent/until.ts'
import { testNamespace } from './namespaces.ts'

const DEVICE = 'podlane-vxlan'

test('a bare probe of the tunnel makes nobody look at the kernel anew, another MTU of it does', async (t) => {
  const ns = testNamespace(t)
  run(ns, 'ip', 'link', 'set', 'lo', 'up')
  run(ns, 'ip', 'link', 'add', DEVICE, 'type', 'vxlan', 'id', '112', 'dstport', '4789', 'nolearning')
  ns.inside(() => setCompletesChecksums(DEVICE, false))
  const looks: string[] = []
  const stop = ns.inside(() => watchKernel({ look: (why) => looks.push(why), isUplink: () => false }))
  t.after(stop)
  run(ns, 'ip', 'link', 'set', DEVICE, 'mtu', '1400')
  await until('the first event is one', () => looks.length > 0)
  await sleep(100)
  looks.length = 0
  assert.equal(
    ns.inside(() => sendBare(() => 'sent')),
    'sent',
  )
  await sleep(200)
  assert.deepEqual(looks, [])
  run(ns, 'ip', 'link', 'set', DEVICE, 'mtu', '1300')
  await until('another MTU is looked at', () => looks.length > 0)
})
