import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseIp } from '../../src/base/ip.ts'
import { must } from '../../src/base/result.ts'
import { destination, openUdpSocket } from '../../src/kernel/udp_socket.ts'
import { ProbeSockets, READS_A_TICK } from '../../src/observe/probes/sockets.ts'
import { type TestNamespace, testNamespace } from '../namespaces.ts'
import { join2 } from './node_bench.ts'
import { until } from './until.ts'

const PORT = 9475
const UPLINK = 'eth0'

function listener(t: TestContext, ns: TestNamespace) {
  let count = 0
  const sockets = new ProbeSockets(PORT, () => count++)
  const refresh = () => ns.inside(() => sockets.refresh(UPLINK, new Set([4])))
  refresh()
  t.after(() => sockets.close())
  return { sockets, refresh, read: () => count }
}

test('of a flood a socket reads so much a tick and no more, and goes on with the next', async (t) => {
  const [here, there] = [testNamespace(t), testNamespace(t)]
  join2(here, there, { a: ['192.0.2.1/24'], b: ['192.0.2.2/24'] })
  const { sockets, refresh, read } = listener(t, here)
  const opened = there.inside(() => openUdpSocket(UPLINK, 4, PORT))
  const sender = opened.ok ? opened.value : assert.fail(`errno ${opened.error}`)
  t.after(() => sender.close())
  const to = destination(must(parseIp('192.0.2.1')), PORT)
  const flood = async () => {
    for (let i = 0; i < 40; i++) {
      for (let k = 0; k < 50; k++) sender.send(to, Buffer.alloc(64))
      await sleep(1)
    }
  }
  await flood()
  assert.equal(read(), READS_A_TICK)
  refresh()
  await flood()
  assert.equal(read(), READS_A_TICK, 'a look at the devices gives no more')
  // What the kernel's buffer holds is less than a tick's reads, or more: both are read on.
  sockets.tick()
  await flood()
  assert.equal(read(), 2 * READS_A_TICK)
  sockets.tick()
  const before = read()
  await until('what was kept is read', async () => read() > before)
})
