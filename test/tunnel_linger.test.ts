import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { createFirewall } from '../src/apply/firewall.ts'
import { NodeKernel, type Report } from '../src/apply/node.ts'
import { type Cidr, parseCidr } from '../src/base/cidr.ts'
import { type Ip, parseIp } from '../src/base/ip.ts'
import { must } from '../src/base/result.ts'
import type { PathCure } from '../src/plan/path_cures.ts'
import { parseConfig } from '../src/schema/config.ts'
import { run } from './agent/dump.ts'
import { testNamespace } from './namespaces.ts'

const node = (name: string, address: string, range: string) => ({
  ...{ name, complaints: [], addresses: [must<Ip>(parseIp(address))] },
  podCidrs: [must<Cidr>(parseCidr(range))],
})
const nodes = [node('a', '192.0.2.1', '10.244.1.0/24'), node('b', '192.0.2.2', '10.244.2.0/24')]
const cure: PathCure = { peer: 'b', sick: [{ kind: 'direct', reach: 'none' }], proven: ['vxlan'] }
const MINUTE_MS = 60_000

/** A node on one segment with its only peer, and a clock that is turned by hand. */
function bench(t: TestContext) {
  const ns = testNamespace(t)
  run(ns, 'ip', 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'far')
  run(ns, 'ip', 'address', 'add', '192.0.2.1/24', 'dev', 'eth0')
  for (const device of ['lo', 'eth0', 'far']) run(ns, 'ip', 'link', 'set', device, 'up')
  let nowMs = 0
  let kernel: NodeKernel | undefined
  t.after(() => kernel?.close())
  const start = (text = ''): void => {
    kernel?.close()
    kernel = ns.inside(() => {
      const config = must(parseConfig(text, 'test'))
      const made = new NodeKernel(config, createFirewall(config), undefined, undefined, () => nowMs)
      must(made.start())
      return made
    })
  }
  start()
  const look = (...cures: readonly PathCure[]): Report => {
    const standing = kernel
    if (!standing) throw new Error('not started')
    return ns.inside(() => standing.reconcile({ selfName: 'a', nodes, sweep: true, cures }))
  }
  return {
    ...{ ns, start, look },
    wait: (ms: number): void => {
      nowMs += ms
    },
    stands: (): boolean => /podlane-vxlan/.test(run(ns, 'ip', '-o', 'link')),
    lingersForMs: (): number | undefined => kernel?.lingersForMs,
  }
}

test('the tunnel of a cure that is over stands for ten more minutes, open to what others still send', (t) => {
  const { ns, look, wait, stands, lingersForMs } = bench(t)
  look()
  assert.equal(stands(), false)
  look(cure)
  assert.ok(stands())
  assert.equal(lingersForMs(), undefined)
  assert.deepEqual(look().faults, [])
  assert.ok(stands())
  assert.equal(lingersForMs(), 10 * MINUTE_MS)
  assert.match(run(ns, 'ip', 'route', 'show', '10.244.2.0/24'), /dev eth0/)
  assert.match(run(ns, 'bridge', 'fdb', 'show', 'dev', 'podlane-vxlan'), /dst 192\.0\.2\.2/)
  wait(10 * MINUTE_MS - 1)
  look()
  assert.ok(stands())
  wait(1)
  look()
  assert.equal(stands(), false)
  assert.equal(lingersForMs(), undefined)
})

test('an agent that starts anew and knows of no cure leaves the tunnel alone for three minutes', (t) => {
  const { start, look, wait, stands } = bench(t)
  look(cure)
  start()
  look()
  assert.ok(stands())
  wait(3 * MINUTE_MS - 1)
  look()
  assert.ok(stands())
  wait(1)
  look()
  assert.equal(stands(), false)
})

test('with pathMode direct a tunnel goes at once', (t) => {
  const { start, look, stands } = bench(t)
  look(cure)
  start('pathMode: direct')
  look(cure)
  assert.equal(stands(), false)
})

test('a port that another program has is a complaint where only a cure needs it, and is not tried at once again', (t) => {
  const { ns, look, stands, wait } = bench(t)
  run(ns, 'ip', 'link', 'add', 'flannel.1', 'type', 'vxlan', 'id', '112', 'dstport', '4789', 'nolearning')
  run(ns, 'ip', 'link', 'set', 'flannel.1', 'up')
  const { faults, network } = look(cure)
  assert.deepEqual(faults, [])
  assert.equal(network.complaints[0]?.kind, 'port-taken')
  assert.deepEqual(look(cure).changes, [])
  run(ns, 'ip', 'link', 'del', 'flannel.1')
  assert.ok(look(cure).network.complaints.every((c) => c.kind !== 'port-taken'))
  assert.ok(stands())
  wait(11 * MINUTE_MS)
  look()
  assert.equal(stands(), false)
})
