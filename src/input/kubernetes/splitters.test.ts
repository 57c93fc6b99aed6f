import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { must } from '../../base/result.ts'
import { LineSplitter } from './line-splitter.ts'
import { ListSplitter } from './list-splitter.ts'

/** The bytes cut at the given places. */
function pieces(text: string, cuts: readonly number[]): readonly Buffer[] {
  const bytes = Buffer.from(text)
  const at = [0, ...cuts.map((c) => c % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]
  return at.slice(1).map((end, i) => bytes.subarray(at[i], end))
}

function split(text: string, cuts: readonly number[] = []) {
  const items: string[] = []
  const splitter = new ListSplitter((item) => items.push(item))
  const isList = pieces(text, cuts).every((piece) => splitter.push(piece))
  return { items, isList, end: splitter.end() }
}

const object = fc.dictionary(fc.string({ unit: 'grapheme' }), fc.jsonValue({ maxDepth: 3 }))

test('however a list is cut into chunks, its items and its envelope come out whole', () => {
  const list = fc.record({ metadata: object, items: fc.array(object, { maxLength: 5 }), after: object })
  fc.assert(
    fc.property(list, fc.array(fc.nat()), fc.constantFrom(undefined, 2), (value, cuts, indent) => {
      const { items, end } = split(JSON.stringify(value, undefined, indent), cuts)
      assert.deepEqual(
        items.map((text) => JSON.parse(text)),
        JSON.parse(JSON.stringify(value.items)),
      )
      assert.deepEqual(must(end), JSON.parse(JSON.stringify({ ...value, items: [] })))
    }),
  )
})

test('any bytes at all are split without an exception', () => {
  const text = fc
    .array(fc.constantFrom('{', '}', '[', ']', '"', '\\', ',', '"items":[', 'x', ' '))
    .map((t) => t.join(''))
  fc.assert(fc.property(text, fc.array(fc.nat()), (t, cuts) => split(t, cuts).end.ok !== undefined))
})

test('a list of no items, written as null or empty, has an envelope', () => {
  for (const items of ['null', '[]', '[ ]']) {
    const list = split(`{"metadata":{"resourceVersion":"7"},"items":${items}}`)
    assert.deepEqual([list.items, list.end.ok], [[], true])
  }
})

test('a list inside an item or inside the metadata is not taken for the items', () => {
  const list = split('{"metadata":{"items":[{"no":1}]},"other":[{"no":2}],"items":[{"items":[{"in":3}]}]}')
  assert.deepEqual(list.items, ['{"items":[{"in":3}]}'])
})

test('a body that never ends is recognised', () => {
  const splitter = new ListSplitter(() => {})
  const chunk = Buffer.alloc(2 ** 20, 'x')
  let chunks = 0
  while (splitter.push(chunk) && chunks < 100) chunks++
  assert.ok(chunks < 40)
})

test('however lines are cut into chunks they come out whole, and a last one without its end does not', () => {
  const lines = fc.array(
    fc.string({ unit: 'grapheme', minLength: 1 }).filter((l) => l.trim() === l && !/[\r\n]/.test(l)),
  )
  fc.assert(
    fc.property(lines, fc.array(fc.nat()), (texts, cuts) => {
      const seen: string[] = []
      const splitter = new LineSplitter((line) => seen.push(line))
      const stream = `${texts.map((t) => `${t}\n`).join('\r\n')}cut off`
      for (const piece of pieces(stream, cuts)) splitter.push(piece)
      assert.deepEqual(seen, texts)
    }),
  )
})
