import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { WireRequest } from '../apply/node.ts'
import { parseCidr } from '../base/cidr.ts'
import { ifIndex } from '../base/ifindex.ts'
import { type Fault, fault, must, ok, type Result } from '../base/result.ts'
import type { AddRequest } from '../cni/network.ts'
import { AddressPool } from '../ipam/pool.ts'
import { gatewayMac, podLinkName } from '../plan/pod_link.ts'
import { type Endpoint, endpointKey } from '../state/endpoint.ts'
import { createTables } from '../state/tables.ts'
import type { KernelClient } from './kernel_client.ts'
import { LiveNetwork } from './network.ts'

const ranges = [must(parseCidr('10.244.1.0/29'))]
const refused = fault('kernel', 'it', 'this', 'EBUSY', 'try again')

const request = (containerId: string): AddRequest => ({
  ...{
    containerId,
    ifName: 'eth0',
    netnsFd: 0,
    network: 'podlane',
    podUid: undefined,
    podNamespace: undefined,
  },
  ...{ podName: undefined, ips: [], mac: undefined, hostPorts: [], bandwidth: undefined },
})

/** A kernel in memory that takes its calls in order, and its answers to `unwire` and `forget`. */
function bench() {
  const calls: string[] = []
  const answers: {
    unwire: (e: Endpoint) => Promise<Result<readonly Fault[]>>
    forget: (e: Endpoint) => Promise<Result<void>>
  } = { unwire: async () => ok([]), forget: async () => ok(undefined) }
  let made = 0
  const work: Record<string, (given: never) => unknown> = {
    wire: ({ owner }: WireRequest): Result<Endpoint> => {
      const link = {
        kind: 'veth' as const,
        index: ifIndex(++made),
        name: podLinkName(owner),
        mac: gatewayMac,
        mtuBytes: 1500,
      }
      return ok({ ...owner, link })
    },
    unwire: (e: Endpoint) => answers.unwire(e),
    forget: (e: Endpoint) => answers.forget(e),
  }
  const call = async (name: string, given: { owner?: Endpoint } & Endpoint): Promise<unknown> => {
    calls.push(`${name} ${(given.owner ?? given).containerId}`)
    return work[name]?.(given as never)
  }
  const live = new LiveNetwork({
    kernel: { call: call as unknown as KernelClient['call'] },
    pool: new AddressPool(0, Date.now),
    tables: createTables('test', () => {}).tables,
    knowledge: () => ({ ranges, linkMtuBytes: 1500, routeMtuBytes: 1450 }),
    onDeleted: () => calls.push('deleted'),
  })
  const used = (): number | undefined => live.counts()[0]?.used
  return { live, calls, answers, used }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('an ADD that waits for a DEL that the kernel refuses is told that the interface exists', async () => {
  const { live, answers } = bench()
  must(await live.add(request('c1')))
  const held = Promise.withResolvers<Result<readonly Fault[]>>()
  answers.unwire = () => held.promise
  const deleting = live.del(request('c1'))
  const adding = live.add(request('c1'))
  await turn()
  held.resolve(refused)
  assert.equal((await deleting).ok, false)
  const added = await adding
  assert.equal(!added.ok && added.error.kind, 'exists')
  assert.equal(live.endpoints.length, 1)
})

test('a pod that is marked as deleting lives no more though its filter could not be cleared, and keeps its address', async () => {
  const { live, calls, answers, used } = bench()
  must(await live.add(request('c1')))
  answers.unwire = async () => ok([(refused as { error: Fault }).error])
  answers.forget = async () => refused
  assert.equal((await live.del(request('c1'))).ok, false)
  assert.deepEqual([live.endpoints, live.leaving.length, used()], [[], 1, 1])
  await live.correct([])
  // The link is gone, hostPorts and flows are not.
  live.gone(live.leaving)
  await turn()
  assert.deepEqual([live.leaving.length, used()], [1, 1])
  assert.equal((await live.del(request('c1'))).ok, false)
  answers.forget = async () => ok(undefined)
  must(await live.del(request('c1')))
  live.gone(live.leaving)
  assert.deepEqual([live.leaving.length, used()], [0, 0])
  assert.ok(calls.includes('deleted'))
})

test('a pod that a look at the kernel misses keeps its address until a sweep reports its link gone', async () => {
  const { live, calls, used } = bench()
  must(await live.add(request('c1')))
  await live.correct([])
  assert.deepEqual([live.endpoints, live.leaving.length, used()], [[], 1, 1])
  assert.deepEqual(calls, ['wire c1', 'forget c1', 'deleted'])
  live.gone(live.leaving)
  assert.deepEqual([live.leaving, used()], [[], 0])
})

test('without a cool-down nobody gets a lost pod’s address before its hostPorts and flows are forgotten', async () => {
  const { live, calls, answers } = bench()
  const first = must(await live.add(request('c1')))
  must(await live.add(request('c2')))
  const [one] = first.ips
  assert.ok(one)
  const held = Promise.withResolvers<Result<void>>()
  answers.forget = () => held.promise
  const correcting = live.correct([])
  live.gone(live.leaving)
  const wanted = { ...request('c3'), ips: live.leaving.flatMap((e) => e.addresses).slice(0, 1) }
  const early = await live.add(wanted)
  assert.equal(!early.ok && early.error.kind, 'address-unavailable')
  assert.deepEqual(calls, ['wire c1', 'wire c2', 'forget c1', 'forget c2'])
  held.resolve(ok(undefined))
  await correcting
  live.gone(live.leaving)
  must(await live.add(wanted))
  assert.equal(calls.at(-1), 'wire c3')
})

test('a DEL bound to one ADD’s interface leaves that of another ADD', async () => {
  const { live } = bench()
  const first = must(await live.add(request('c1')))
  must(await live.del(request('c1')))
  live.gone(live.leaving)
  const second = must(await live.add(request('c1')))
  must(await live.del(request('c1'), first.hostInterface.index))
  assert.deepEqual(live.endpoints.map(endpointKey), ['c1 eth0'])
  must(await live.del(request('c1'), second.hostInterface.index))
  assert.deepEqual(live.endpoints, [])
})
