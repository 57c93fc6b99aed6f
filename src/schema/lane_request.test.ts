import assert from 'node:assert/strict'
import { test } from 'node:test'
import { faultText, must } from '../base/result.ts'
import { parseLaneRequest } from './lane_request.ts'

const refusal = (text: string): string => {
  const parsed = parseLaneRequest(text)
  assert.ok(!parsed.ok, `accepted: ${text}`)
  return faultText(parsed.error)
}

test('a lane for all peers or for one is taken', () => {
  assert.deepEqual(must(parseLaneRequest('{"lane":"plain"}')), { lane: 'plain' })
  assert.deepEqual(must(parseLaneRequest('{"lane":"default","peer":"node2"}')), {
    ...{ lane: 'default', peer: 'node2' },
  })
})

test('anything else is refused in words that name what is wrong', () => {
  assert.match(refusal('plain'), /^the request: wanted JSON/)
  assert.match(refusal('[]'), /wanted lane, and peer/)
  assert.match(refusal('{"lane":"slow"}'), /^key lane .*wanted one of fast, plain, default, found "slow"/)
  assert.match(refusal('{"lane":"fast","peer":""}'), /^key peer .*wanted the name of a node/)
  assert.match(refusal('{"lane":"fast","node":"b"}'), /^key node .*wanted lane, and peer/)
  assert.match(refusal('{}'), /^key lane /)
})
