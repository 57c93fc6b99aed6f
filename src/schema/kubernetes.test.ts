import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { must } from '../base/result.ts'
import { nodeFromApi, podFromApi } from './kubernetes.ts'

const node = (spec: object, addresses: unknown) =>
  must(nodeFromApi({ metadata: { name: 'a' }, spec, status: { addresses } }))

test('a node keeps its internal addresses and its ranges in canonical form', () => {
  const row = node({ podCIDR: '10.244.1.0/24', podCIDRs: ['10.244.1.0/24', 'FD00:0::/64'] }, [
    { type: 'Hostname', address: 'a' },
    { type: 'InternalIP', address: '192.0.2.1' },
    { type: 'ExternalIP', address: '198.51.100.1' },
    { type: 'InternalIP', address: '2001:DB8::1' },
  ])
  assert.deepEqual(row, {
    name: 'a',
    addresses: ['192.0.2.1', '2001:db8::1'],
    podCidrs: ['10.244.1.0/24', 'fd00::/64'],
    complaints: [],
  })
})

test('a node with only the older podCIDR keeps it', () => {
  assert.deepEqual(node({ podCIDR: '10.244.1.0/24' }, []).podCidrs, ['10.244.1.0/24'])
})

test('what of a node cannot be used is complained about and the rest is kept', () => {
  const row = node({ podCIDRs: ['10.244.1.0/24', '10.244.2.0/24', 'nonsense', '0.0.0.0/0', 7] }, [
    { type: 'InternalIP', address: '300.1.1.1' },
    { type: 'InternalIP', address: '127.0.0.1' },
    { type: 'InternalIP', address: 'fe80::1' },
    { type: 'InternalIP' },
    { type: 'InternalIP', address: '192.0.2.1' },
  ])
  assert.deepEqual(row.addresses, ['192.0.2.1'])
  assert.deepEqual(row.podCidrs, ['10.244.1.0/24'])
  assert.deepEqual(row.complaints, [
    'unusable internal address "300.1.1.1"',
    'unusable internal address "127.0.0.1"',
    'unusable internal address "fe80::1"',
    'unusable internal address nothing',
    'second IPv4 pod range 10.244.2.0/24 is not used',
    'unusable pod range "nonsense"',
    'unusable pod range "0.0.0.0/0"',
    'unusable pod range 7',
  ])
})

test('a node with only external addresses says so', () => {
  assert.deepEqual(node({}, [{ type: 'ExternalIP', address: '198.51.100.1' }]).complaints, [
    'no address of type InternalIP',
  ])
})

test('a pod is trimmed to its identity, addresses, labels and the annotations that the network reads', () => {
  const row = must(
    podFromApi({
      metadata: {
        uid: 'u',
        name: 'p',
        namespace: 'n',
        labels: { app: 'web' },
        annotations: { 'kubernetes.io/egress-bandwidth': '10M', 'other.example/huge': 'x'.repeat(1000) },
        managedFields: [{}],
      },
      spec: { containers: [{}] },
      status: { phase: 'Running', podIP: '10.244.1.5', podIPs: [{ ip: '10.244.1.5' }, { ip: 'FD00::5' }] },
    }),
  )
  assert.deepEqual(row, {
    uid: 'u',
    namespace: 'n',
    name: 'p',
    addresses: ['10.244.1.5', 'fd00::5'],
    ended: false,
    labels: { app: 'web' },
    annotations: { 'kubernetes.io/egress-bandwidth': '10M' },
  })
})

test('a pod in the host network is no row, and a finished pod has ended', () => {
  const metadata = { uid: 'u', name: 'p', namespace: 'n' }
  assert.equal(must(podFromApi({ metadata, spec: { hostNetwork: true } })), undefined)
  for (const phase of ['Succeeded', 'Failed'])
    assert.equal(must(podFromApi({ metadata, status: { phase } }))?.ended, true)
})

test('an object without a name is a fault', () => {
  assert.ok(!nodeFromApi({ metadata: {} }).ok)
  assert.ok(!podFromApi({ metadata: { name: 'p', namespace: 'n' } }).ok)
})

test('no value at all makes the parsers throw', () => {
  const words = [
    'metadata',
    'name',
    'uid',
    'namespace',
    'spec',
    'status',
    'addresses',
    'type',
    'address',
    'podCIDRs',
  ]
  const key = fc.constantFrom(
    ...words,
    'podCIDR',
    'podIPs',
    'podIP',
    'ip',
    'labels',
    'annotations',
    '__proto__',
  )
  const leaf = fc.oneof(fc.anything(), fc.constantFrom('InternalIP', '10.0.0.1', '10.0.0.0/8', '::/0', 'a'))
  const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 4 },
      leaf,
      fc.array(tie('tree'), { maxLength: 3 }),
      fc.dictionary(key, tie('tree')),
    ),
  }))
  const named = tree.map((t) => ({
    metadata: { name: 'a', uid: 'u', namespace: 'n', labels: t },
    spec: t,
    status: t,
  }))
  fc.assert(
    fc.property(fc.oneof(tree, named), (value) => {
      nodeFromApi(value)
      podFromApi(value)
    }),
    { numRuns: 500 },
  )
})
