import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseCidr } from '../../base/cidr.ts'
import type { IfIndex } from '../../base/ifindex.ts'
import { parseIp } from '../../base/ip.ts'
import { parseMac } from '../../base/mac.ts'
import { must } from '../../base/result.ts'
import type { FastPath } from '../../plan/fast_lane.ts'
import { layouts } from './abi.ts'
import { herePath, pathValue } from './path_value.ts'

const ip = (text: string) => must(parseIp(text))
const mac = (text: string) => must(parseMac(text))
const path = (over: Partial<FastPath> = {}): FastPath => ({
  key: 'b',
  peer: 'b',
  kind: 'vxlan',
  ranges: [must(parseCidr('10.244.2.0/24'))],
  mtuBytes: 1450,
  uplink: 2 as IfIndex,
  ownMac: mac('02:00:00:00:00:01'),
  own: ip('192.0.2.1'),
  address: ip('198.51.100.3'),
  hop: { ip: ip('192.0.2.254'), mac: mac('02:00:00:00:00:fe') },
  directMac: undefined,
  tunnel: { source: mac('0e:00:00:00:00:01'), destination: mac('0e:00:00:00:00:03'), vni: 112, port: 4789 },
  lane: 'fast',
  why: '',
  ...over,
})
const at = layouts.path
const headerOf = (value: Buffer, bytes: number): string =>
  value.toString('hex', at.header.at, at.header.at + bytes)

test('a tunnel’s header over IPv4, with what comes with each packet left zero', () => {
  const value = pathValue(path(), 9)
  assert.equal(value.length, at.size)
  const wanted = [
    '0200000000fe 020000000001 0800',
    '4500 0000 0000 0000 40 11 0000 c0000201 c6336403',
    '0000 12b5 0000 0000',
    '08000000 00007000',
    '0e0000000003 0e0000000001 0000',
  ]
  assert.equal(headerOf(value, 64), wanted.join('').replaceAll(' ', ''))
  const numbers = [at.kind, at.lane, at.ifindex, at.mtu_bytes, at.hop].map((f) => value.readUInt32LE(f.at))
  assert.deepEqual(numbers, [2, 1, 2, 1450, 9])
  assert.equal(value.toString('hex', at.peer.at, at.peer.at + 16), '00000000000000000000ffffc6336403')
  assert.equal(value.toString('hex', at.own.at, at.own.at + 16), '00000000000000000000ffffc0000201')
  assert.equal(value.toString('hex', at.direct_mac.at, at.direct_mac.at + 6), '000000000000')
})

test('the partial sum is that of the header’s words, not yet complemented', () => {
  const value = pathValue(path(), 9)
  const header = value.subarray(at.header.at + 14, at.header.at + 34)
  let sum = 0
  for (let i = 0; i < header.length; i += 2) sum += header.readUInt16LE(i)
  assert.equal(value.readUInt16LE(at.checksum.at) % 0xffff, sum % 0xffff)
})

test('a tunnel’s header over IPv6 has no sum', () => {
  const value = pathValue(path({ own: ip('2001:db8::1'), address: ip('2001:db8:9::4') }), 9)
  const wanted = [
    '0200000000fe 020000000001 86dd',
    '60000000 0000 11 40 20010db8000000000000000000000001 20010db8000900000000000000000004',
    '0000 12b5 0000 0000',
    '08000000 00007000',
    '0e0000000003 0e0000000001 0000',
  ]
  assert.equal(headerOf(value, 84), wanted.join('').replaceAll(' ', ''))
  assert.equal(value.readUInt32LE(at.kind.at), 3)
  assert.equal(value.readUInt16LE(at.checksum.at), 0)
})

test('a direct path has two MACs, and knows its peer by one', () => {
  const value = pathValue(path({ kind: 'direct', directMac: mac('02:00:00:00:00:03') }), 1)
  assert.equal(headerOf(value, 16), '0200000000fe0200000000010000'.padEnd(32, '0'))
  assert.equal(value.readUInt32LE(at.kind.at), 1)
  assert.equal(value.toString('hex', at.direct_mac.at, at.direct_mac.at + 6), '020000000003')
})

test('the widest VNI keeps its place', () => {
  const { tunnel } = path()
  const value = pathValue(path({ tunnel: { ...tunnel, vni: 0xffffff, port: 8472 } }), 1)
  assert.equal(headerOf(value, 50).slice(72, 76), '2118')
  assert.equal(headerOf(value, 50).slice(84, 100), '08000000ffffff00')
})

test('a path without a next hop has no header', () => {
  assert.equal(headerOf(pathValue(path({ hop: undefined, lane: 'plain' }), 0), 88), ''.padEnd(176, '0'))
})

test('what stays on this node needs a lane and no header', () => {
  assert.equal(herePath('fast', 1450).readUInt32LE(at.lane.at), 1)
  assert.equal(herePath('fast', 1450).readUInt32LE(at.mtu_bytes.at), 1450)
  assert.equal(
    herePath('plain', 0).every((byte) => byte === 0),
    true,
  )
})
