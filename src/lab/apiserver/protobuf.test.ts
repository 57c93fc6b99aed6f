import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { openApi2 } from './openapi.ts'
import { openApi2Protobuf } from './openapi_protobuf.ts'
import { encode, type Field, message, text } from './protobuf.ts'
import { parseProtobufBody } from './protobuf_body.ts'

const body = (kind: string, fields: readonly Field[]): Uint8Array =>
  Buffer.concat([
    Buffer.from('k8s\0'),
    encode([message(1, [...text(1, 'v1'), ...text(2, kind)]), message(2, fields)]),
  ])

const entry = (number: number, key: string, value: string): Field =>
  message(number, [...text(1, key), ...text(2, value)])

test('a ConfigMap in protobuf reads as its JSON', () => {
  const meta = [
    ...text(1, 'c'),
    ...text(3, 'default'),
    entry(11, 'app', 'x'),
    ...text(14, 'f/1'),
    ...text(14, 'f/2'),
  ]
  const parsed = parseProtobufBody(
    body('ConfigMap', [message(1, meta), entry(2, 'a', '1'), entry(2, 'b', '')]),
  )
  assert.ok(parsed.ok)
  assert.deepEqual(parsed.value, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'c', namespace: 'default', labels: { app: 'x' }, finalizers: ['f/1', 'f/2'] },
    data: { a: '1', b: '' },
  })
})

test('the ports of a Service in protobuf keep numbers and names apart', () => {
  // IntOrString: type 1 is a string (field 3), no type a number (field 2); both end a ServicePort's field 4.
  const named = message(1, [message(4, [Uint8Array.of(0x08, 1), ...text(3, 'web')])])
  const numbered = message(1, [message(4, [Uint8Array.of(0x10, 0x90, 0x3f)])])
  const parsed = parseProtobufBody(body('Service', [message(2, [named, numbered])]))
  assert.ok(parsed.ok)
  assert.deepEqual(parsed.value.spec, { ports: [{ targetPort: 'web' }, { targetPort: 8080 }] })
})

test('a kind without a table, a damaged body and plain text are refused in words', () => {
  for (const bytes of [
    body('Pod', []),
    body('Secret', []).subarray(0, 9),
    Buffer.from('{}'),
    new Uint8Array(),
  ]) {
    const parsed = parseProtobufBody(bytes)
    assert.ok(!parsed.ok)
    assert.notEqual(parsed.error, '')
  }
})

test('no body whatever makes the decoder throw', () => {
  const kinds = fc.constantFrom('Namespace', 'ConfigMap', 'Secret', 'Service', 'DeleteOptions')
  fc.assert(
    fc.property(kinds, fc.uint8Array({ maxLength: 60 }), (kind, bytes) => {
      parseProtobufBody(body(kind, [bytes]))
      parseProtobufBody(Buffer.concat([Buffer.from('k8s\0'), bytes]))
    }),
    { numRuns: 1000 },
  )
})

test('the OpenAPI document in protobuf begins with its version and names every definition', () => {
  const document = openApi2()
  const bytes = Buffer.from(openApi2Protobuf(document))
  assert.deepEqual([...bytes.subarray(0, 5)], [0x0a, 3, 0x32, 0x2e, 0x30])
  assert.ok(bytes.includes('io.k8s.api.core.v1.PodSpec'))
  assert.ok(bytes.includes('x-kubernetes-patch-merge-key'))
})
