import assert from 'node:assert/strict'
import { test } from 'node:test'
import { applyConfiguration } from './apply.ts'
import { definitions } from './definitions.ts'
import { at, type JsonObject, listAt } from './json.ts'
import { jsonPatch } from './json_patch.ts'
import { mergePatch, strategicMerge } from './merge.ts'
import { ref } from './shape.ts'

const POD = ref('api.core.v1.Pod')
const NODE = ref('api.core.v1.Node')

const pod: JsonObject = {
  metadata: { labels: { a: '1', b: '2' }, finalizers: ['x', 'y'] },
  spec: {
    containers: [
      { name: 'one', image: 'i1', ports: [{ containerPort: 80, protocol: 'TCP' }], args: ['p', 'q'] },
      { name: 'two', image: 'i2', env: [{ name: 'E', value: '1' }] },
    ],
  },
}

function merged(patch: JsonObject, target: JsonObject = pod, shape = POD): JsonObject {
  const result = strategicMerge(definitions, shape, target, patch)
  assert.ok(result.ok, JSON.stringify(result))
  return result.value
}

test('strategic merge changes one container by its name and leaves the other', () => {
  const next = merged({
    spec: { containers: [{ name: 'two', image: 'i3', env: [{ name: 'F', value: '2' }] }] },
  })
  assert.deepEqual(next.spec, {
    containers: [
      { name: 'one', image: 'i1', ports: [{ containerPort: 80, protocol: 'TCP' }], args: ['p', 'q'] },
      {
        name: 'two',
        image: 'i3',
        env: [
          { name: 'E', value: '1' },
          { name: 'F', value: '2' },
        ],
      },
    ],
  })
})

test('strategic merge replaces a list without a key as a whole', () => {
  const next = merged({ spec: { containers: [{ name: 'one', args: ['z'] }] } })
  assert.deepEqual(at(listAt(next, 'spec', 'containers')[0], 'args'), ['z'])
})

test('strategic merge removes a label by null and an item by $patch: delete', () => {
  const next = merged({
    metadata: { labels: { a: null } },
    spec: { containers: [{ name: 'one', $patch: 'delete' }] },
  })
  assert.deepEqual(next.metadata, { labels: { b: '2' }, finalizers: ['x', 'y'] })
  assert.equal(listAt(next, 'spec', 'containers').length, 1)
})

test('strategic merge joins finalizers and takes one out by $deleteFromPrimitiveList', () => {
  assert.deepEqual(merged({ metadata: { finalizers: ['z'] } }).metadata, {
    labels: { a: '1', b: '2' },
    finalizers: ['x', 'y', 'z'],
  })
  assert.deepEqual(merged({ metadata: { '$deleteFromPrimitiveList/finalizers': ['x'] } }).metadata, {
    labels: { a: '1', b: '2' },
    finalizers: ['y'],
  })
})

test('strategic merge orders a list by $setElementOrder', () => {
  const next = merged({
    spec: {
      '$setElementOrder/containers': [{ name: 'three' }, { name: 'two' }],
      containers: [{ name: 'three', image: 'i' }],
    },
  })
  const names = listAt(next, 'spec', 'containers').map((c) => at(c, 'name'))
  assert.deepEqual(names, ['one', 'three', 'two'])
})

test('strategic merge replaces a map by $patch: replace and keeps only $retainKeys', () => {
  assert.deepEqual(merged({ metadata: { labels: { $patch: 'replace', c: '3' } } }).metadata, {
    labels: { c: '3' },
    finalizers: ['x', 'y'],
  })
  assert.deepEqual(merged({ metadata: { $retainKeys: ['finalizers'] } }).metadata, { finalizers: ['x', 'y'] })
})

test('strategic merge finds node conditions and addresses by type', () => {
  const node = {
    status: {
      conditions: [{ type: 'Ready', status: 'False' }],
      addresses: [{ type: 'InternalIP', address: '10.0.0.1' }],
    },
  }
  const patch = {
    status: {
      conditions: [
        { type: 'Ready', status: 'True' },
        { type: 'Disk', status: 'False' },
      ],
      addresses: [{ type: 'InternalIP', address: '10.0.0.2' }],
    },
  }
  assert.deepEqual(merged(patch, node, NODE).status, patch.status)
})

test('strategic merge refuses a list item without its key', () => {
  const result = strategicMerge(definitions, POD, pod, { spec: { containers: [{ image: 'x' }] } })
  assert.ok(!result.ok)
  assert.match(result.error.message, /declared merge key: name/)
})

test('a patch leaves its target as it was', () => {
  const before = JSON.stringify(pod)
  merged({ metadata: { labels: { a: null } }, spec: { containers: [{ name: 'one', image: 'n' }] } })
  mergePatch(pod, { metadata: { labels: null } })
  jsonPatch(pod, [{ op: 'remove', path: '/spec/containers/0' }])
  assert.equal(JSON.stringify(pod), before)
})

test('merge patch follows the examples of RFC 7386', () => {
  assert.deepEqual(mergePatch({ a: 'b' }, { a: null }), {})
  assert.deepEqual(mergePatch({ a: { b: 'c' } }, { a: { b: 'd', c: null } }), { a: { b: 'd' } })
  assert.deepEqual(mergePatch({ a: [{ b: 'c' }] }, { a: [1] }), { a: [1] })
  assert.deepEqual(mergePatch({ e: null }, { a: 1 }), { e: null, a: 1 })
  assert.deepEqual(mergePatch([1, 2], { a: 'b', c: null }), { a: 'b' })
  assert.deepEqual(mergePatch({}, { a: { bb: { ccc: null } } }), { a: { bb: {} } })
})

const jsonCases: readonly (readonly [string, JsonObject[], unknown])[] = [
  ['adds to the end of a list', [{ op: 'add', path: '/l/-', value: 3 }], { l: [1, 2, 3], 'a/b': 1 }],
  ['inserts into a list', [{ op: 'add', path: '/l/0', value: 0 }], { l: [0, 1, 2], 'a/b': 1 }],
  ['replaces an item', [{ op: 'replace', path: '/l/1', value: 9 }], { l: [1, 9], 'a/b': 1 }],
  ['unescapes a pointer', [{ op: 'remove', path: '/a~1b' }], { l: [1, 2] }],
  ['moves', [{ op: 'move', from: '/l/0', path: '/m' }], { l: [2], 'a/b': 1, m: 1 }],
  ['copies', [{ op: 'copy', from: '/l', path: '/m' }], { l: [1, 2], 'a/b': 1, m: [1, 2] }],
  ['stops at a failed test', [{ op: 'test', path: '/l/0', value: 7 }], undefined],
  ['refuses to replace what is absent', [{ op: 'replace', path: '/z', value: 7 }], undefined],
  ['refuses an index beyond the end', [{ op: 'add', path: '/l/5', value: 7 }], undefined],
]

for (const [title, operations, wanted] of jsonCases) {
  test(`json patch ${title}`, () => {
    const result = jsonPatch({ l: [1, 2], 'a/b': 1 }, operations)
    assert.deepEqual(result.ok ? result.value : undefined, wanted)
  })
}

test('server-side apply removes what the manager no longer applies, and keeps what another one does', () => {
  const before = {
    metadata: { labels: { a: '1', b: '2' } },
    spec: { containers: [{ name: 'one', image: 'i1' }, { name: 'two' }] },
  }
  const current = { ...before, status: { phase: 'Running' } }
  const next = applyConfiguration(
    definitions,
    POD,
    current,
    { metadata: { labels: {} }, spec: { containers: [{ name: 'one', image: 'i2' }] } },
    { before, others: [{ metadata: { labels: { b: '2' } } }] },
  )
  assert.deepEqual(next, {
    metadata: { labels: { b: '2' } },
    spec: { containers: [{ name: 'one', image: 'i2' }] },
    status: { phase: 'Running' },
  })
})
