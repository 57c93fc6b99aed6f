import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseCidr } from '../base/cidr.ts'
import { type Ip, parseIp } from '../base/ip.ts'
import { must } from '../base/result.ts'
import { AddressPool, type PoolView } from './pool.ts'

const ip = (t: string): Ip => must(parseIp(t))
const viewOf = (ranges: string[], used: readonly Ip[] = [], held: readonly Ip[] = []): PoolView => ({
  ranges: ranges.map((r) => must(parseCidr(r))),
  inUse: (a) => used.includes(a),
  held: (a) => held.includes(a),
})

test('a pod gets one address of each family, never the network, tunnel or broadcast address', () => {
  const pool = new AddressPool(0, () => 0)
  const used: Ip[] = []
  for (let i = 0; i < 5; i++) {
    const chosen = must(pool.choose(viewOf(['10.0.0.0/29', 'fd00::/125'], used)))
    pool.release(chosen)
    used.push(...chosen)
  }
  assert.deepEqual(
    used.filter((a) => !a.includes(':')),
    ['10.0.0.2', '10.0.0.3', '10.0.0.4', '10.0.0.5', '10.0.0.6'],
  )
  assert.deepEqual(
    used.filter((a) => a.includes(':')),
    ['fd00::2', 'fd00::3', 'fd00::4', 'fd00::5', 'fd00::6'],
  )
})

test('a used-up range says how many are in use, held and cooling down', () => {
  const pool = new AddressPool(1000, () => 0)
  pool.cool(ip('10.0.0.4'))
  const result = pool.choose(
    viewOf(['10.0.0.0/29'], [ip('10.0.0.2'), ip('10.0.0.3'), ip('10.0.0.6')], [ip('10.0.0.5')]),
  )
  assert.ok(!result.ok)
  assert.equal(result.error.kind, 'range-exhausted')
  assert.equal(result.error.found, '3 in use, 1 held by pods whose interface is gone, 1 cooling down, of 5')
})

test('a freed address comes again only after its cool-down', () => {
  let now = 0
  const pool = new AddressPool(1000, () => now)
  const used = ['10.0.0.2', '10.0.0.3', '10.0.0.4', '10.0.0.5'].map(ip)
  pool.cool(ip('10.0.0.6'))
  assert.ok(!pool.choose(viewOf(['10.0.0.0/29'], used)).ok)
  now = 1001
  assert.deepEqual(must(pool.choose(viewOf(['10.0.0.0/29'], used))), ['10.0.0.6'])
})

test('two ADDs at once get two addresses; a failed one gives its address back', () => {
  const pool = new AddressPool(0, () => 0)
  const view = viewOf(['10.0.0.0/29'])
  const a = must(pool.choose(view))
  const b = must(pool.choose(view))
  assert.notDeepEqual(a, b)
  pool.release(a)
  const rest = [1, 2, 3, 4].map(() => must(pool.choose(view))[0])
  assert.ok(rest.includes(a[0] as Ip))
  assert.ok(!pool.choose(view).ok)
})

test('a dual-stack choice that fails in one family gives the other back', () => {
  const pool = new AddressPool(0, () => 0)
  const full = ['fd00::2', 'fd00::3'].map(ip)
  assert.ok(!pool.choose(viewOf(['10.0.0.0/29', 'fd00::/126'], full)).ok)
  for (let i = 0; i < 5; i++) must(pool.choose(viewOf(['10.0.0.0/29'])))
})

test('a fixed address is refused by reason: outside, reserved, in use, held by a living pod, cooling down', () => {
  let now = 0
  const pool = new AddressPool(30_000, () => now)
  const view = viewOf(['10.0.0.0/29'], [ip('10.0.0.3')], [ip('10.0.0.5')])
  pool.cool(ip('10.0.0.6'))
  const found = (text: string): string => {
    const r = pool.claim([ip(text)], view)
    return r.ok ? 'ok' : r.error.found
  }
  assert.equal(found('10.0.1.3'), 'outside')
  assert.equal(found('10.0.0.1'), 'network, tunnel or broadcast address')
  assert.equal(found('10.0.0.7'), 'network, tunnel or broadcast address')
  assert.equal(found('10.0.0.3'), 'one in use')
  assert.equal(found('10.0.0.4'), 'ok')
  assert.equal(found('10.0.0.4'), 'one in use')
  assert.equal(found('10.0.0.5'), 'one that a living pod of the API has')
  now = 10_500
  assert.equal(found('10.0.0.6'), 'one that cools down for another 20 s')
  now = 30_000
  assert.equal(found('10.0.0.6'), 'ok')
})

test('of addresses asked for together none is reserved if one is refused', () => {
  const pool = new AddressPool(30_000, () => 0)
  const view = viewOf(['10.0.0.0/29'])
  pool.cool(ip('10.0.0.3'))
  assert.ok(!pool.claim([ip('10.0.0.2'), ip('10.0.0.3')], view).ok)
  assert.ok(pool.claim([ip('10.0.0.2')], view).ok)
})

test('after a restart the choice goes on behind the highest address in use or cooling, then round', () => {
  const pool = new AddressPool(0, () => 0)
  pool.startAfter(['10.0.0.2', '10.0.0.5', '10.9.9.9', 'fd00::6'].map(ip))
  const view = viewOf(['10.0.0.0/29', 'fd00::/125'], [ip('10.0.0.5'), ip('fd00::6')])
  assert.deepEqual(must(pool.choose(view)), ['10.0.0.6', 'fd00::7'])
  assert.deepEqual(must(pool.choose(view)), ['10.0.0.2', 'fd00::2'])
})

test('counts add up to the size of the range', () => {
  const pool = new AddressPool(1000, () => 0)
  pool.cool(ip('10.0.0.4'))
  const [count] = pool.counts([must(parseCidr('10.0.0.0/28'))], new Set([ip('10.0.0.2'), ip('10.9.0.1')]))
  assert.deepEqual(count, { cidr: '10.0.0.0/28', size: 13, used: 1, coolingDown: 1, free: 11 })
})
