import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { NodeRow } from '../state/rows.ts'
import { applyNodeDelta, createNodeDelta } from './node_delta.ts'

const row = (name: string): NodeRow => ({ name, addresses: [], podCidrs: [], complaints: [] })

test('the receiver has the rows that the sender has, whatever came and went', () => {
  const state = fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd'))
  fc.assert(
    fc.property(fc.array(state), (states) => {
      const send = createNodeDelta()
      const received = new Map<string, NodeRow>()
      for (const names of states) {
        const rows = names.map(row)
        applyNodeDelta(received, send(rows))
        assert.deepEqual([...received.keys()].sort(), [...names].sort())
        for (const r of rows) assert.equal(received.get(r.name), r)
      }
    }),
  )
})

test('of rows that stand nothing is sent', () => {
  const send = createNodeDelta()
  const rows = [row('a'), row('b')]
  assert.equal(send(rows).set.length, 2)
  assert.deepEqual(send(rows), { set: [], gone: [] })
})
