import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseIp } from '../../base/ip.ts'
import { must } from '../../base/result.ts'
import { eventKind, layouts } from './abi.ts'
import { readEvent } from './events.ts'
import { addressKey } from './values.ts'

function event(kind: number, fields: { ip?: string; hop?: number; mtuBytes?: number } = {}): Buffer {
  const out = Buffer.alloc(layouts.event.size)
  out.writeUInt32LE(kind, layouts.event.kind.at)
  out.writeUInt32LE(fields.hop ?? 0, layouts.event.hop.at)
  if (fields.ip !== undefined) out.set(addressKey(must(parseIp(fields.ip))), layouts.event.address.at)
  out.writeUInt16LE(fields.mtuBytes ?? 0, layouts.event.mtu_bytes.at)
  return out
}

test('events are told in words, addresses of both families', () => {
  for (const ip of ['192.0.2.7', '2001:db8::7'])
    assert.deepEqual(readEvent(event(eventKind.EVENT_NEIGHBOUR_MOVED, { ip })), {
      kind: 'moved',
      why: `next hop ${ip} has another MAC`,
    })
  assert.deepEqual(readEvent(event(eventKind.EVENT_MTU, { ip: '192.0.2.7', mtuBytes: 1400 })), {
    kind: 'mtu',
    why: 'towards 192.0.2.7 only 1400 bytes pass',
  })
  assert.match(readEvent(event(eventKind.EVENT_DROP, { hop: 15 }))?.why ?? '', /could not be read again/)
})

test('an event that is not known, or is cut off, is none', () => {
  assert.equal(readEvent(event(99)), undefined)
  assert.equal(readEvent(event(eventKind.EVENT_DROP).subarray(0, 8)), undefined)
  assert.match(readEvent(event(eventKind.EVENT_DROP, { hop: 200 }))?.why ?? '', /not known/)
})
