import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  ageLevel,
  BAD_IN_A_ROW,
  CALM_MS,
  FIRST_HOLD_MS,
  FORGET_MS,
  fullLevel,
  holdMs,
  type Level,
  LONGEST_HOLD_MS,
  observeLevel,
  SPACING_MS,
} from './hysteresis.ts'

const FULL = 1500
type Observation = { readonly afterMs: number; readonly level: number }
const observation: fc.Arbitrary<Observation> = fc.record({
  afterMs: fc.oneof(fc.integer({ min: 0, max: 3000 }), fc.integer({ min: 0, max: 400_000 })),
  level: fc.oneof(
    fc.constant(FULL),
    fc.constant(FULL + 100),
    fc.constantFrom(1280, 1400),
    fc.nat({ max: FULL }),
  ),
})
const stream = fc.array(observation, { maxLength: 200 })

type Step = { readonly atMs: number; readonly level: number; readonly before: Level; readonly after: Level }

function walk(observations: readonly Observation[]): Step[] {
  let atMs = 1_000_000
  let state = fullLevel(FULL, atMs)
  return observations.map(({ afterMs, level }) => {
    atMs += afterMs
    const before = state
    state = observeLevel(state, level, FULL, atMs)
    return { atMs, level, before, after: state }
  })
}

test('what is bad is believed after two observations in a row that are not of one moment', () => {
  fc.assert(
    fc.property(stream, fc.nat({ max: FULL - 1 }), (past, level) => {
      const begun = walk(past).at(-1)
      let state = begun?.after ?? fullLevel(FULL, 1_000_000)
      let atMs = (begun?.atMs ?? 1_000_000) + SPACING_MS
      for (let i = 0; i < BAD_IN_A_ROW; i++, atMs += SPACING_MS)
        state = observeLevel(state, level, FULL, atMs)
      assert.ok(state.held <= level)
    }),
  )
})

test('one bad observation among good ones changes nothing', () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: FULL - 1 })), (bad) => {
      const steps = walk(
        bad.flatMap((level) => [
          { afterMs: 500, level },
          { afterMs: 500, level: FULL },
        ]),
      )
      assert.ok(steps.every((s) => s.after.held === FULL))
    }),
  )
})

test('it rises only after nothing as bad was seen for the whole hold, and then to the least of that time', () => {
  fc.assert(
    fc.property(stream, (observations) => {
      const steps = walk(observations)
      for (const [i, { before, after, atMs }] of steps.entries()) {
        if (after.held <= before.held) continue
        const window = steps.slice(0, i + 1).filter((s) => s.atMs >= atMs - holdMs(before.relapses))
        assert.ok(window.every((s) => s.level > before.held || s.before.held !== before.held))
        assert.ok(after.held <= (steps[i]?.level ?? 0))
      }
    }),
  )
})

test('falls and rises never follow each other faster than a hold, and flapping slows down to the longest one', () => {
  fc.assert(
    fc.property(stream, (observations) => {
      const turns = walk(observations).filter((s) => s.after.held !== s.before.held)
      for (const [i, turn] of turns.entries()) {
        const last = turns[i - 1]
        if (!last || turn.after.held < turn.before.held) continue
        assert.ok(turn.atMs - last.atMs >= FIRST_HOLD_MS, 'a rise waits')
      }
    }),
  )
  // As quickly as an adversary can: well just long enough, then bad twice.
  const flapping = flapper()
  let rises = 0
  while (flapping.nowMs() < 24 * 3_600_000) {
    flapping.fall()
    assert.equal(flapping.rise(), FULL)
    rises++
  }
  assert.ok(rises <= 24 * 6 + 10, `${rises} rises in a day`)
  assert.equal(flapping.holdMs(), LONGEST_HOLD_MS)
})

/** Falls and rises as fast as it is allowed to. */
function flapper() {
  let state = fullLevel(FULL, 0)
  let atMs = 0
  const see = (level: number, afterMs: number): number => {
    atMs += afterMs
    state = observeLevel(state, level, FULL, atMs)
    return state.held
  }
  return {
    nowMs: () => atMs,
    holdMs: () => holdMs(state.relapses),
    relapses: () => state.relapses,
    rest: (ms: number) => {
      atMs += ms
    },
    fall: () => {
      for (let i = 0; i < BAD_IN_A_ROW; i++) see(1000, SPACING_MS)
    },
    rise: () => {
      see(FULL, SPACING_MS)
      return see(FULL, holdMs(state.relapses))
    },
  }
}

test('a relapse long after the last one is none', () => {
  const flapping = flapper()
  for (const restMs of [0, 0, CALM_MS]) {
    flapping.rest(restMs)
    flapping.fall()
    flapping.rise()
  }
  assert.equal(flapping.relapses(), 0)
})

test('what nobody looks at any more is tried again, and then forgotten', () => {
  let state = fullLevel(FULL, 0)
  for (const at of [1000, 2000]) state = observeLevel(state, 1000, FULL, at)
  assert.equal(ageLevel(state, FULL, 2000 + FORGET_MS - 1), state)
  const again = ageLevel(state, FULL, 2000 + FORGET_MS)
  assert.equal(again?.held, FULL)
  assert.equal(again && ageLevel(again, FULL, 2000 + 2 * FORGET_MS), undefined)
})
