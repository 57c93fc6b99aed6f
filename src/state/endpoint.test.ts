import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Ip, ipFromBig } from '../base/ip.ts'
import { localMac } from '../base/mac.ts'
import { fits, shortId } from '../plan/pod_link.ts'
import { ALIAS_BYTES, aliasOf, type Owner, parseAlias } from './endpoint.ts'

const name = fc.stringMatching(/^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,80}$/)
const ip = fc.oneof(
  fc.bigInt({ min: 0n, max: (1n << 32n) - 1n }).map((n) => ipFromBig(n, 4)),
  fc.bigInt({ min: 0n, max: (1n << 128n) - 1n }).map((n) => ipFromBig(n, 6)),
)
const owner: fc.Arbitrary<Owner> = fc.record({
  containerId: name.map((n) => shortId(n)),
  ifName: fc.stringMatching(/^[a-z0-9.]{1,15}$/),
  network: name.map((n) => shortId(n, 18)),
  podUid: fc.option(fc.uuid(), { nil: undefined }),
  podMac: fc.uint8Array({ minLength: 6, maxLength: 6 }).map(localMac),
  addresses: fc.uniqueArray(ip, { minLength: 1, maxLength: 2 }) as fc.Arbitrary<Ip[]>,
})

test('an alias says back whose the interface is, and whether it is on its way out', () => {
  fc.assert(
    fc.property(owner, fc.boolean(), (o, deleting) => {
      assert.deepEqual(parseAlias(aliasOf(o, deleting)), { owner: { ...o }, deleting })
    }),
  )
})

test('the longest alias of a pod with one address of each family fits into the kernel’s', () => {
  fc.assert(
    fc.property(owner, (o) => {
      assert.equal(fits(o), Buffer.byteLength(aliasOf(o, true)) <= ALIAS_BYTES)
      if (o.addresses.filter((a) => a.includes(':')).length < 2) assert.ok(fits(o), aliasOf(o, true))
    }),
  )
})

test('a foreign or cut-off alias is nobody’s', () => {
  for (const text of [
    '',
    'podlane2 c=x',
    'podlane1',
    'podlane1 c=x i=eth0 m=02:00:00:00:00:01 a=',
    'my uplink',
  ]) {
    assert.equal(parseAlias(text), undefined, text)
  }
})
