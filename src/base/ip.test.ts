import assert from 'node:assert/strict'
import { SocketAddress } from 'node:net'
import { test } from 'node:test'
import fc from 'fast-check'
import { cidrAddress, cidrContains, cidrOf, cidrsOverlap, parseCidr } from './cidr.ts'
import { ipFromBig, ipFromBytes, ipToBig, parseIp } from './ip.ts'
import { must } from './result.ts'

test('an address is canonical: one text, one address, as the C library writes it', () => {
  fc.assert(
    fc.property(fc.ipV6(), (text) => {
      const parsed = must(parseIp(text))
      const known = new SocketAddress({ address: text, family: 'ipv6' }).address
      // The C library writes IPv4-mapped and -compatible addresses with dots.
      if (!known.includes('.')) assert.equal(parsed, known)
      assert.equal(must(parseIp(parsed)), parsed)
    }),
  )
  fc.assert(fc.property(fc.ipV4(), (text) => assert.equal(must(parseIp(text)), text)))
})

test('texts that other programs read in another way are refused', () => {
  for (const text of [
    '010.0.0.1',
    '1',
    '10.1',
    '10.0.0.256',
    '10.0.0.1/8',
    '::1%eth0',
    '1::2::3',
    ':',
    '1:2:3:4:5:6:7',
    '::1.2.3',
    ' ::1',
    '',
  ]) {
    assert.ok(!parseIp(text).ok, text)
  }
})

test('bytes, integers and texts of an address agree', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
      const ip = ipFromBytes(bytes)
      assert.equal(ipFromBig(ipToBig(ip), 6), ip)
    }),
  )
})

test('a range masks its host bits, contains its addresses and no other', () => {
  assert.equal(must(parseCidr('10.1.2.3/24')), '10.1.2.0/24')
  assert.equal(must(parseCidr('FD00::1/64')), 'fd00::/64')
  for (const text of ['10.0.0.0', '10.0.0.0/33', '10.0.0.0/08', '10.0.0.0/8/8', '::/129', '/8'])
    assert.ok(!parseCidr(text).ok, text)
  fc.assert(
    fc.property(
      fc.ipV4(),
      fc.integer({ min: 8, max: 32 }),
      fc.integer({ min: 0, max: 255 }),
      (text, length, n) => {
        const range = cidrOf(must(parseIp(text)), length)
        const offset = BigInt(n) % (1n << BigInt(32 - length))
        assert.ok(cidrContains(range, cidrAddress(range, offset)))
        assert.ok(cidrsOverlap(range, cidrOf(cidrAddress(range, offset), 32)))
      },
    ),
  )
})
