import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { nanosecondsBetween, type Probe, readProbe, SMALLEST, writeProbe } from './packet.ts'

const answer: Probe = {
  type: 'answer',
  kind: 'vxlan',
  isUnsummed: true,
  isSpoilt: false,
  nonce: Number.MAX_SAFE_INTEGER - 5,
  sizeBytes: 1422,
  received: { seconds: 1_800_000_000, nanoseconds: 999_999_999 },
  sent: { seconds: 1_800_000_001, nanoseconds: 1 },
  heard: { direct: { count: 7, ageMs: undefined }, vxlan: { count: 0, ageMs: 0 } },
}
const written = (probe: Probe, size = SMALLEST): Buffer => {
  const bytes = Buffer.alloc(size, 0x5a)
  writeProbe(bytes, probe)
  return bytes
}

test('what was written is read, whole, whatever its size', () => {
  for (const size of [SMALLEST, 1472, 8972])
    assert.deepEqual(readProbe(written(answer, size)), { probe: answer, isWhole: true })
})

test('any changed byte beyond its head’s sign is seen', () => {
  for (let at = 7; at < 200; at++) {
    const bytes = written(answer, 200)
    bytes[at] = (bytes[at] ?? 0) ^ 0x10
    assert.notEqual(readProbe(bytes)?.isWhole, true, `byte ${at}`)
  }
})

test('what is no probe of this version is none', () => {
  assert.equal(readProbe(Buffer.alloc(0)), undefined)
  assert.equal(readProbe(Buffer.alloc(SMALLEST)), undefined)
  assert.equal(readProbe(written(answer).subarray(0, SMALLEST - 1)), undefined)
  for (const [at, value] of [
    [4, 2],
    [5, 0],
    [5, 4],
    [6, 3],
  ] as const) {
    const bytes = written(answer)
    bytes[at] = value
    assert.equal(readProbe(bytes), undefined)
  }
  for (let i = 0; i < 200; i++) assert.equal(readProbe(randomBytes(SMALLEST + i)), undefined)
})

test('a difference of times crosses a second’s end', () => {
  assert.equal(nanosecondsBetween(answer.received, answer.sent), 2)
})
