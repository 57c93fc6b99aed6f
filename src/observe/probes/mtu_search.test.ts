import assert from 'node:assert/strict'
import { test } from 'node:test'
import { copiesFor, type MtuRange, narrowed, sizesToTry } from './mtu_search.ts'

/** What a path of this size answers, round by round. */
function search(start: MtuRange, truth: number): { readonly found: number; readonly rounds: number } {
  let range = start
  for (let rounds = 0; ; rounds++) {
    const sizes = sizesToTry(range)
    if (sizes.length === 0) return { found: range.passes, rounds }
    range = narrowed(range, sizes, new Set(sizes.filter((s) => s <= truth)))
  }
}

test('every size from the smallest to the planned one is found to the byte, in four rounds for 1,500 bytes', () => {
  for (let truth = 128; truth <= 1500; truth++) {
    const { found, rounds } = search({ passes: 128, fails: 1501 }, truth)
    assert.equal(found, truth)
    assert.ok(rounds <= 4, `${rounds} rounds for ${truth}`)
  }
})

test('jumbo frames take five rounds', () => {
  for (const truth of [128, 1500, 4001, 8999, 9000])
    assert.ok(search({ passes: 128, fails: 9001 }, truth).rounds <= 5)
})

test('where nothing has changed one round is enough', () => {
  assert.deepEqual(search({ passes: 1350, fails: 1501 }, 1350), { found: 1350, rounds: 1 })
  assert.deepEqual(search({ passes: 1350, fails: 1501 }, 1500), { found: 1500, rounds: 1 })
})

test('a size whose copies were all lost by chance does not hide larger ones that came', () => {
  const range = narrowed({ passes: 128, fails: 1501 }, [500, 900, 1300], new Set([500, 1300]))
  assert.deepEqual(range, { passes: 1300, fails: 1501 })
})

test('the more a path loses the more copies it gets, up to six', () => {
  assert.deepEqual([0, 0.01, 0.1, 0.3, 0.9, 1].map(copiesFor), [2, 2, 3, 6, 6, 6])
})
