import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AnswerBudget } from './answer_budget.ts'

const takenBy = (budget: AnswerBudget, peer: string): number => {
  let taken = 0
  while (taken < 1000 && budget.take(peer)) taken++
  return taken
}

test('one peer takes half of a tick’s answers at most, and all together no more than there are', () => {
  const budget = new AnswerBudget()
  assert.deepEqual(
    ['wild', 'b', 'c'].map((peer) => takenBy(budget, peer)),
    [64, 64, 0],
  )
  budget.renew()
  assert.deepEqual([takenBy(budget, 'wild'), budget.take('c')], [64, true])
})
