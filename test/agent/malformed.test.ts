import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { LiveNetwork } from '../../src/agent/network.ts'
import { createFirewall } from '../../src/apply/firewall.ts'
import { NodeKernel } from '../../src/apply/node.ts'
import { parseCidr } from '../../src/base/cidr.ts'
import { must } from '../../src/base/result.ts'
import { environmentOf } from '../../src/cni/testing/calls.ts'
import { assertAnswer, environment, stdin } from '../../src/cni/testing/generated_calls.ts'
import { runProgram } from '../../src/cni/testing/program.ts'
import { handleCall } from '../../src/cni/verbs.ts'
import { AddressPool } from '../../src/ipam/pool.ts'
import { parseConfig } from '../../src/schema/config.ts'
import { createTables } from '../../src/state/tables.ts'
import { type TestNamespace, testNamespace } from '../namespaces.ts'
import { becomes, kernelDump, run } from './dump.ts'
import { nodeWithOutside } from './fixtures.ts'

const config = must(parseConfig('ipam: { coolDownSeconds: 0 }', 'test'))
const ranges = ['10.244.1.0/24', 'fd00:1::/64'].map((c) => must(parseCidr(c)))

/** The agent's network without its threads: every call of the Worker is made at once, inside the node. */
function liveNetwork(node: TestNamespace) {
  const kernel = node.inside(() => new NodeKernel(config, createFirewall(config)))
  node.inside(() => must(kernel.start()))
  const live: LiveNetwork = new LiveNetwork({
    kernel: {
      call: async (name, ...args) =>
        node.inside(
          () => (kernel as unknown as Record<string, (...a: unknown[]) => never>)[name]?.(...args) as never,
        ),
    },
    pool: new AddressPool(0, Date.now),
    tables: createTables('test', () => {}).tables,
    knowledge: () => ({ ranges, linkMtuBytes: 1500, routeMtuBytes: 1450 }),
    onDeleted: () => live.gone(node.inside(() => kernel.sweep(live.leaving))),
  })
  return { live, close: () => kernel.close() }
}

test('1,000 generated calls against the live network end as CNI says, and an error leaves nothing in the kernel', async (t) => {
  const node = testNamespace(t)
  const pod = testNamespace(t)
  run(node, 'ip', 'link', 'set', 'lo', 'up')
  const { live, close } = liveNetwork(node)
  t.after(close)
  const before = kernelDump(node)
  const outcomes = new Map<unknown, number>()
  await fc.assert(
    fc.asyncProperty(environment, stdin, fc.boolean(), async (variables, bytes, repeated) => {
      const reply = await handleCall(
        {
          environment: environmentOf(variables),
          stdin: bytes,
          netns: { state: 'open', fd: pod.fd },
          repeated,
        },
        live,
      )
      const json = reply.stdout ? JSON.parse(reply.stdout) : {}
      assertAnswer(reply.exitCode, json)
      const kind = reply.exitCode === 0 ? variables.CNI_COMMAND : json.code
      outcomes.set(kind, (outcomes.get(kind) ?? 0) + 1)
      if (reply.exitCode === 0 && variables.CNI_COMMAND === 'ADD') {
        for (const e of live.endpoints) assert.ok((await live.del(e)).ok)
      }
      assert.deepEqual(live.endpoints, [])
    }),
    { numRuns: 1000 },
  )
  assert.equal(kernelDump(node), before)
  assert.equal(run(pod, 'ip', '-o', 'link').trim().split('\n').length, 1)
  for (const kind of ['ADD', 'DEL', 2, 4, 6, 7]) assert.ok(outcomes.get(kind), `none ended in ${kind}`)
})

test('100 generated calls through the program leave the agent and the kernel as they were', async (t) => {
  const { bench } = nodeWithOutside(t, { config: { ipam: { coolDownSeconds: 0 } } })
  await bench.start()
  await bench.settled(300)
  const before = kernelDump(bench.ns)
  const pod = testNamespace(t)
  await fc.assert(
    fc.asyncProperty(environment, stdin, async (variables, bytes) => {
      const netns = variables.CNI_NETNS === '/run/netns/blue' ? pod.path : variables.CNI_NETNS
      const own = { PODLANE_SOCKET: `${bench.runFolder}/cni.sock`, PODLANE_WAIT_MS: '1000', CNI_NETNS: netns }
      const ended = await runProgram({ ...variables, ...own }, bytes)
      assertAnswer(ended.code, ended.json)
    }),
    { numRuns: 100 },
  )
  for (const { containerId, ifName } of (await bench.status()).pods)
    assert.equal((await bench.call('DEL', containerId, undefined, { ifName })).code, 0)
  await becomes(bench.ns, before)
})
