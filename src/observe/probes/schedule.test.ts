import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseIp } from '../../base/ip.ts'
import { must } from '../../base/result.ts'
import { newPath, type PathState } from './path_state.ts'
import { BUDGET_PER_SECOND, Schedule, TICK_MS } from './schedule.ts'

const to = must(parseIp('192.0.2.2'))
function paths(n: number): PathState[] {
  return Array.from({ length: n }, (_, i) => {
    const path = newPath({ peer: `n${i}`, kind: 'direct', to, mtuBytes: 1500, senders: [to] }, 9475, 0)
    path.turn = 100
    path.answered = true
    return path
  })
}

/** Probes of each path in so many seconds. */
function run(all: readonly PathState[], seconds: number): Map<PathState, number> {
  const schedule = new Schedule()
  const sent = new Map<PathState, number>()
  for (let ms = 0; ms < seconds * 1000; ms += TICK_MS)
    schedule.tick(all, ms, (path) => {
      sent.set(path, (sent.get(path) ?? 0) + 1)
      return 1
    })
  return sent
}
const total = (sent: Map<PathState, number>): number => [...sent.values()].reduce((a, b) => a + b, 0)

test('with three peers each path has two probes a second', () => {
  const all = paths(6)
  const sent = run(all, 30)
  for (const path of all) assert.equal(sent.get(path), 60)
})

test('with a thousand peers the node sends no more than its budget, and each path has its turn', () => {
  const all = paths(2000)
  const seconds = 200
  const sent = run(all, seconds)
  assert.ok(total(sent) <= BUDGET_PER_SECOND * seconds + 10, `${total(sent)}`)
  for (const path of all) assert.ok((sent.get(path) ?? 0) >= 2)
})

test('a path in doubt has four a second, whatever the number of peers', () => {
  const all = paths(2000)
  const [sick] = all
  if (!sick) throw new Error()
  sick.unanswered = 1
  assert.ok((run(all, 10).get(sick) ?? 0) >= 39)
})

test('where all are in doubt those after them still have their turn', () => {
  const all = paths(500)
  for (const path of all.slice(0, 400)) path.unanswered = 1
  const sent = run(all, 60)
  for (const path of all) assert.ok((sent.get(path) ?? 0) >= 1)
  assert.ok(total(sent) <= BUDGET_PER_SECOND * 60 + 10)
})

test('a search for an MTU borrows of what comes, and is paid back', () => {
  const all = paths(6)
  const schedule = new Schedule()
  let sent = 0
  for (let ms = 0; ms < 10_000; ms += TICK_MS)
    schedule.tick(all, ms, () => {
      sent += 16
      return 16
    })
  assert.ok(sent <= BUDGET_PER_SECOND * 10 + 16, `${sent}`)
})
