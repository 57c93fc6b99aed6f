import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseCidr } from '../../base/cidr.ts'
import type { Clock } from '../../base/clock.ts'
import { silentLog } from '../../base/log.ts'
import { must, ok } from '../../base/result.ts'
import { type ControlPlane, createControlPlane } from './control_plane.ts'
import { sweepEvents } from './event_expiry.ts'
import { type JsonObject, listAt, objectAt, textAt } from './json.ts'
import { events } from './kinds/event.ts'
import { namespaces, nodes } from './kinds/node.ts'
import { configMaps, networkPolicies } from './kinds/plain.ts'
import { pods } from './kinds/pod.ts'
import { services } from './kinds/service.ts'
import { checkRanges } from './node_ranges.ts'
import { kubeObject } from './object.ts'

const range = (cidr: string, nodeLength: number) => ({ cidr: must(parseCidr(cidr)), nodeLength })

function newPlane(
  clusterRanges: readonly ReturnType<typeof range>[] = [],
  nowMs = () => 1_000_000,
): ControlPlane {
  const clock: Clock = { nowMs, sleep: () => Promise.resolve() }
  return must(
    createControlPlane({
      clock,
      log: silentLog,
      tokens: [],
      clusterRanges,
      serviceRanges: [must(parseCidr('10.96.0.0/24')), must(parseCidr('fd96::/112'))],
      firstRevision: 1,
    }),
  )
}

const node = (name: string, ready: boolean, spec: JsonObject = {}, labels: JsonObject = {}): JsonObject => ({
  metadata: { name, labels },
  spec,
  status: { conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
})
const pod = (name: string, spec: JsonObject = {}): JsonObject => ({
  metadata: { name },
  spec: { containers: [{ name: 'c', image: 'i' }], ...spec },
})
const nodeOf = (plane: ControlPlane, name: string): string =>
  textAt(plane.store.get(pods, 'default', name), 'spec', 'nodeName')

function addNode(plane: ControlPlane, ...args: Parameters<typeof node>): void {
  assert.ok(plane.api.create(nodes, '', node(...args)).ok)
}
function addPod(plane: ControlPlane, ...args: Parameters<typeof pod>): void {
  const made = plane.api.create(pods, 'default', pod(...args))
  assert.ok(made.ok, JSON.stringify(made))
}

test('pods go to the ready node with the fewest, and wait when there is none', () => {
  const plane = newPlane()
  addPod(plane, 'early')
  assert.equal(nodeOf(plane, 'early'), '')
  addNode(plane, 'down', false)
  addNode(plane, 'a', true)
  assert.equal(nodeOf(plane, 'early'), 'a')
  addNode(plane, 'b', true)
  for (const name of ['p', 'q', 'r']) addPod(plane, name)
  assert.deepEqual(['p', 'q', 'r'].map((name) => nodeOf(plane, name)).sort(), ['a', 'b', 'b'])
})

test('a pod that chooses labels goes where they are, a cordoned node gets none', () => {
  const plane = newPlane()
  addNode(plane, 'a', true)
  addNode(plane, 'b', true, {}, { disk: 'fast' })
  addNode(plane, 'c', true, { unschedulable: true })
  addPod(plane, 'p', { nodeSelector: { disk: 'fast' } })
  addPod(plane, 'q', { nodeSelector: { disk: 'none' } })
  assert.equal(nodeOf(plane, 'p'), 'b')
  assert.equal(nodeOf(plane, 'q'), '')
  const reasons = plane.store.list(events).map((e) => textAt(e, 'reason'))
  assert.deepEqual(reasons.sort(), ['FailedScheduling', 'Scheduled'])
})

test('a pod on a node is marked with its grace and goes when the kubelet says so', () => {
  const plane = newPlane()
  addNode(plane, 'a', true)
  addPod(plane, 'p', { terminationGracePeriodSeconds: 7 })
  const first = plane.api.remove(pods, 'default', 'p')
  assert.ok(first.ok && !first.value.gone)
  const { metadata } = first.value.object
  assert.equal(metadata.deletionGracePeriodSeconds, 7)
  assert.equal(metadata.deletionTimestamp, '1970-01-01T00:16:47Z')
  const longer = plane.api.remove(pods, 'default', 'p', { gracePeriodSeconds: 60 })
  assert.ok(longer.ok && longer.value.object.metadata.deletionGracePeriodSeconds === 7)
  const last = plane.api.remove(pods, 'default', 'p', { gracePeriodSeconds: 0 })
  assert.ok(last.ok && last.value.gone)
  assert.equal(plane.store.get(pods, 'default', 'p'), undefined)
})

test('a pod without a node, or one that has ended, goes at once', () => {
  const plane = newPlane()
  addPod(plane, 'nowhere')
  addPod(plane, 'ended', { nodeName: 'gone' })
  const done = (p: JsonObject) => ok({ ...p, status: { phase: 'Succeeded' } })
  assert.ok(plane.api.update(pods, 'default', 'ended', done, { status: true }).ok)
  for (const name of ['nowhere', 'ended']) {
    const result = plane.api.remove(pods, 'default', name)
    assert.ok(result.ok && result.value.gone, name)
  }
})

test('the pods of a deleted node go with it, those of others stay', () => {
  const plane = newPlane()
  for (const name of ['a', 'b']) addNode(plane, name, true)
  addPod(plane, 'on-a', { nodeName: 'a' })
  addPod(plane, 'on-b', { nodeName: 'b' })
  plane.api.remove(nodes, '', 'a')
  const left = plane.store.list(pods).map((p) => p.metadata.name)
  assert.deepEqual(left, ['on-b'])
})

test('an object with finalizers stays until the last one is taken off', () => {
  const plane = newPlane()
  plane.api.create(configMaps, 'default', { metadata: { name: 'c', finalizers: ['x/y'] } })
  const result = plane.api.remove(configMaps, 'default', 'c')
  assert.ok(result.ok && !result.value.gone)
  plane.api.update(configMaps, 'default', 'c', (c) => ok({ ...c, metadata: { name: 'c' } }))
  assert.equal(plane.store.get(configMaps, 'default', 'c'), undefined)
})

test('a deleted namespace takes its contents along, waits for the last pod and takes nothing new', () => {
  const plane = newPlane()
  addNode(plane, 'a', true)
  plane.api.create(namespaces, '', { metadata: { name: 'n' } })
  plane.api.create(configMaps, 'n', { metadata: { name: 'c' } })
  plane.api.create(pods, 'n', pod('p'))
  const result = plane.api.remove(namespaces, '', 'n')
  assert.ok(result.ok && !result.value.gone)
  assert.equal(textAt(plane.store.get(namespaces, '', 'n'), 'status', 'phase'), 'Terminating')
  assert.equal(plane.store.get(configMaps, 'n', 'c'), undefined)
  assert.ok(plane.store.get(pods, 'n', 'p')?.metadata.deletionTimestamp)
  const late = plane.api.create(configMaps, 'n', { metadata: { name: 'late' } })
  assert.ok(!late.ok && late.error.reason === 'Forbidden')
  plane.api.remove(pods, 'n', 'p', { gracePeriodSeconds: 0 })
  assert.equal(plane.store.get(namespaces, '', 'n'), undefined)
})

test('each node gets the next range of each family, and a range is free again when its node is gone', () => {
  const plane = newPlane([range('10.244.0.0/22', 24), range('fd00:244::/62', 64)])
  for (const name of ['a', 'b', 'c', 'd', 'e']) addNode(plane, name, true)
  const cidrs = (name: string) => listAt(plane.store.get(nodes, '', name), 'spec', 'podCIDRs')
  assert.deepEqual(cidrs('a'), ['10.244.0.0/24', 'fd00:244::/64'])
  assert.deepEqual(cidrs('d'), ['10.244.3.0/24', 'fd00:244:0:3::/64'])
  assert.equal(textAt(plane.store.get(nodes, '', 'b'), 'spec', 'podCIDR'), '10.244.1.0/24')
  assert.deepEqual(cidrs('e'), [])
  plane.api.remove(nodes, '', 'b')
  addNode(plane, 'f', true)
  assert.deepEqual(cidrs('f'), ['10.244.1.0/24', 'fd00:244:0:1::/64'])
})

test('a range that a node brought along is not given to another one', () => {
  const plane = newPlane([range('10.244.0.0/22', 24)])
  addNode(plane, 'own', true, { podCIDR: '10.244.0.0/23' })
  addNode(plane, 'a', true)
  assert.equal(textAt(plane.store.get(nodes, '', 'a'), 'spec', 'podCIDR'), '10.244.2.0/24')
})

test('a cluster range smaller than a node range is refused by name', () => {
  const result = checkRanges([range('10.244.0.0/24', 16)])
  assert.ok(!result.ok)
  assert.equal(result.error.object, 'cluster range 10.244.0.0/24')
})

test('node ranges never overlap, whatever nodes come and go', () => {
  const step = fc.record({ name: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'), add: fc.boolean() })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const plane = newPlane([range('10.244.0.0/22', 24)])
      for (const { name, add } of steps) {
        if (add) plane.api.create(nodes, '', node(name, true))
        else plane.api.remove(nodes, '', name)
        const all = plane.store.list(nodes).flatMap((n) => listAt(n, 'spec', 'podCIDRs'))
        assert.equal(new Set(all).size, all.length)
      }
    }),
  )
})

test('services get an address of the first family, or of both when they ask for them', () => {
  const plane = newPlane()
  const service = (name: string, spec: JsonObject) =>
    plane.api.create(services, 'default', { metadata: { name }, spec: { ports: [{ port: 80 }], ...spec } })
  const addresses = (result: ReturnType<typeof service>) =>
    result.ok ? listAt(result.value, 'spec', 'clusterIPs') : result.error.message
  assert.deepEqual(addresses(service('a', {})), ['10.96.0.10'])
  assert.deepEqual(addresses(service('b', { ipFamilyPolicy: 'RequireDualStack' })), ['10.96.0.11', 'fd96::a'])
  const headless = service('c', { clusterIP: 'None' })
  assert.ok(headless.ok)
  assert.equal(textAt(headless.value, 'spec', 'clusterIP'), 'None')
})

test('the generation counts changes of a policy, not of its labels', () => {
  const plane = newPlane()
  plane.api.create(networkPolicies, 'default', { metadata: { name: 'n' }, spec: { podSelector: {} } })
  const change = (more: JsonObject) =>
    plane.api.update(networkPolicies, 'default', 'n', (p) => ok(kubeObject({ ...p, ...more })))
  const labelled = change({ metadata: { name: 'n', labels: { a: '1' } } })
  assert.ok(labelled.ok && labelled.value.metadata.generation === 1)
  const changed = change({ spec: { podSelector: { matchLabels: { a: '1' } } } })
  assert.ok(changed.ok && changed.value.metadata.generation === 2)
  assert.deepEqual(objectAt(changed.value, 'spec').policyTypes, ['Ingress'])
})

test('events go after an hour', () => {
  let nowMs = 1_000_000
  const plane = newPlane([], () => nowMs)
  addNode(plane, 'a', true)
  addPod(plane, 'p')
  assert.equal(plane.store.list(events).length, 1)
  nowMs += 3_600_001
  sweepEvents(plane.store)
  assert.equal(plane.store.list(events).length, 0)
})

test('a list followed by the events after it is the state, whatever happened between', () => {
  const step = fc.record({
    name: fc.constantFrom('a', 'b', 'c'),
    act: fc.constantFrom('create', 'label', 'remove'),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.nat(60), (steps, at) => {
      const plane = newPlane()
      const { store, api } = plane
      const mirror = new Map<string, string>()
      const note = (name: string, version = ''): void => void mirror.set(name, version)
      for (const [i, { name, act }] of steps.entries()) {
        if (i === at) {
          for (const c of store.list(configMaps)) note(c.metadata.name, c.metadata.resourceVersion)
          store.watch(configMaps, store.revision(), (e) => {
            if (e.type === 'DELETED') mirror.delete(e.object.metadata.name)
            else note(e.object.metadata.name, e.object.metadata.resourceVersion)
          })
        }
        if (act === 'create') api.create(configMaps, 'default', { metadata: { name } })
        else if (act === 'remove') api.remove(configMaps, 'default', name)
        else
          api.update(configMaps, 'default', name, () => ok({ metadata: { name, labels: { i: String(i) } } }))
      }
      if (at >= steps.length) return
      const state = store
        .list(configMaps)
        .map((c) => [c.metadata.name, c.metadata.resourceVersion ?? ''] as const)
      assert.deepEqual([...mirror].sort(), state)
    }),
  )
})
