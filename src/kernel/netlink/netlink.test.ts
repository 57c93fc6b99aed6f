import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { testNamespace } from '../../../test/namespaces.ts'
import { parseCidr } from '../../base/cidr.ts'
import type { IfIndex } from '../../base/ifindex.ts'
import { parseIp } from '../../base/ip.ts'
import { parseMac } from '../../base/mac.ts'
import { must } from '../../base/result.ts'
import { addAddress, getAddresses, parseAddress } from './address.ts'
import { addVeth, addVxlan, delLinkGroup, getLinkByName, getLinks, parseLink, setLink } from './link.ts'
import type { Answer, Message } from './message.ts'
import {
  getFdb,
  getNeighbours,
  manageNeighbour,
  NUD_REACHABLE,
  parseFdb,
  parseNeighbour,
  setFdb,
  setNeighbour,
} from './neighbour.ts'
import { getQdiscs, parseQdisc, setTokenBucket } from './qdisc.ts'
import { addRoute, delRoute, getRoutes, getRouteTo, parseRoute, replaceRoute } from './route.ts'
import { addRule, delRule, getRules, parseRule } from './rule.ts'
import type { NetlinkSocket } from './socket.ts'

const ip = (t: string) => must(parseIp(t))
const cidr = (t: string) => must(parseCidr(t))
const mac = (t: string) => must(parseMac(t))
const PROTOCOL = 112

const accept = (socket: NetlinkSocket, message: Message): Extract<Answer, { ok: true }> => {
  const answer = socket.request(message)
  assert.ok(answer.ok, `${message.object}: ${answer.ok ? '' : `${answer.errno} ${answer.text}`}`)
  return answer
}

/** Makes a link and reads it back in the same batch. */
const make = (socket: NetlinkSocket, message: Message & { name?: string }, name: string) => {
  const [made, read] = socket.batch([message, getLinkByName(name)])
  assert.ok(made?.ok && read?.ok, JSON.stringify([made, read]))
  return parseLink(read.replies[0] ?? assert.fail('no link'))
}
const NAME = 'podl0123456789'

const vethSpec = (netnsFd: number) => ({
  name: 'podl0123456789',
  mac: mac('02:70:6c:00:00:01'),
  mtuBytes: 1500,
  group: 77,
  peer: { name: 'eth0', mac: mac('02:00:0a:00:00:05'), netnsFd },
})

test('one message makes a veth pair whose other end is already in the pod', (t) => {
  const node = testNamespace(t)
  const pod = testNamespace(t)
  const link = make(node.route, addVeth(vethSpec(pod.fd)), NAME)
  assert.equal(link.name, 'podl0123456789')
  assert.equal(link.mac, '02:70:6c:00:00:01')
  assert.equal(link.group, 77)
  assert.equal(link.kind, 'veth')
  accept(node.route, setLink(link.index, { alias: 'podlane1 c=abc' }))
  const again = parseLink(accept(node.route, getLinkByName('podl0123456789')).replies[0] ?? assert.fail())
  assert.equal(again.alias, 'podlane1 c=abc')
  const inPod = pod.route
    .dump(getLinks())
    .map(parseLink)
    .find((l) => l.name === 'eth0')
  assert.equal(inPod?.mac, '02:00:0a:00:00:05')
  assert.equal(inPod?.mtuBytes, 1500)
  assert.equal(again.peerIndex, inPod?.index)
})

test('deleting a group removes its links and no other', (t) => {
  const node = testNamespace(t)
  const pod = testNamespace(t)
  accept(node.route, addVeth(vethSpec(pod.fd)))
  accept(
    node.route,
    addVeth({
      ...vethSpec(pod.fd),
      name: 'other',
      group: 5,
      peer: { ...vethSpec(pod.fd).peer, name: 'eth1' },
    }),
  )
  accept(node.route, delLinkGroup(77))
  assert.deepEqual(
    node.route
      .dump(getLinks())
      .map((b) => parseLink(b).name)
      .sort(),
    ['lo', 'other'],
  )
})

test('a refused message says what the kernel had against it', (t) => {
  const node = testNamespace(t)
  const answer = node.route.request(
    addRoute({ dst: cidr('10.9.0.0/24'), type: 'unicast', gateway: ip('192.0.2.1'), protocol: PROTOCOL }),
  )
  assert.ok(!answer.ok)
  assert.equal(answer.errno, 101)
  assert.match(answer.text, /gateway/i)
})

test('one bad message in a batch does not stop the others', (t) => {
  const node = testNamespace(t)
  const lo = 1 as IfIndex
  const answers = node.route.batch([
    setLink(lo, { up: true }),
    addAddress({ index: 99 as IfIndex, ip: ip('10.0.0.1'), prefixLength: 32 }),
    addAddress({ index: lo, ip: ip('10.0.0.2'), prefixLength: 32 }),
  ])
  assert.deepEqual(
    answers.map((a) => a.ok),
    [true, false, true],
  )
})

test('addresses, routes with an mtu, unreachable routes and neighbours read back as they were written', (t) => {
  const node = testNamespace(t)
  const pod = testNamespace(t)
  const link = make(node.route, addVeth(vethSpec(pod.fd)), NAME)
  const device = link.index
  accept(node.route, setLink(NAME, { up: true, noLinkLocal: true }))
  accept(pod.route, setLink('eth0', { up: true }))
  accept(node.route, addAddress({ index: device, ip: ip('10.1.0.1'), prefixLength: 24 }))
  accept(node.route, addAddress({ index: device, ip: ip('fd00::1'), prefixLength: 64 }))
  const routes = [
    { dst: cidr('10.2.0.0/24'), type: 'unicast', gateway: ip('10.1.0.9'), device, mtuBytes: 1450, metric: 5 },
    { dst: cidr('10.3.0.0/24'), type: 'unreachable' },
    { dst: cidr('10.4.0.7/32'), type: 'unicast', device },
    { dst: cidr('10.5.0.0/24'), type: 'unicast', gateway: ip('10.77.0.1'), device, onLink: true },
    { dst: cidr('fd01::/64'), type: 'unicast', gateway: ip('fd00::9'), device, mtuBytes: 1430 },
  ] as const
  for (const r of routes) accept(node.route, replaceRoute({ ...r, protocol: PROTOCOL }))
  const read = ([4, 6] as const).flatMap((f) => node.route.dump(getRoutes(f, PROTOCOL)).map(parseRoute))
  assert.deepEqual(
    read.map((r) => [r?.dst, r?.type, r?.gateway, r?.mtuBytes, r?.onLink]),
    routes.map((r) => [
      r.dst,
      r.type,
      'gateway' in r ? r.gateway : undefined,
      'mtuBytes' in r ? r.mtuBytes : undefined,
      'onLink' in r ? true : undefined,
    ]),
  )
  for (const r of read) if (r) accept(node.route, delRoute(r))
  assert.equal(node.route.dump(getRoutes(4, PROTOCOL)).length, 0)

  accept(
    node.route,
    setNeighbour({ device, ip: ip('10.4.0.7'), mac: mac('02:00:0a:00:00:05'), protocol: PROTOCOL }),
  )
  accept(node.route, manageNeighbour({ device, ip: ip('10.1.0.9'), protocol: PROTOCOL }))
  const neighbours = node.route.dump(getNeighbours(4)).map(parseNeighbour)
  assert.deepEqual(neighbours.map((n) => [n?.ip, n?.mac, n?.managed, n?.protocol]).sort(), [
    ['10.1.0.9', undefined, true, PROTOCOL],
    ['10.4.0.7', '02:00:0a:00:00:05', false, PROTOCOL],
  ])
  const own = node.route
    .dump(getAddresses())
    .map(parseAddress)
    .filter((a) => a?.index === device)
  assert.deepEqual(
    own.map((a) => `${a?.ip}/${a?.prefixLength}`),
    ['10.1.0.1/24', 'fd00::1/64'],
  )
  const way = parseRoute(accept(node.route, getRouteTo(ip('10.1.0.77'))).replies[0] ?? assert.fail())
  assert.equal(way?.device, device)
})

test('managed neighbours, however many do not answer, leave all namespaces room for others', (t) => {
  const room = Number(readFileSync('/proc/sys/net/ipv4/neigh/default/gc_thresh3', 'utf8'))
  if (room > 50_000) return t.skip(`room for ${room} neighbours: more than a test should make`)
  const [node, far] = [testNamespace(t), testNamespace(t)]
  const [other, otherFar] = [testNamespace(t), testNamespace(t)]
  const upLink = ({ route }: typeof node, to: typeof node) => {
    const { index } = make(route, addVeth(vethSpec(to.fd)), NAME)
    accept(route, setLink(NAME, { up: true, noLinkLocal: true }))
    accept(to.route, setLink('eth0', { up: true }))
    accept(route, addAddress({ index, ip: ip('10.1.0.1'), prefixLength: 16 }))
    return index
  }
  const [device, otherDevice] = [upLink(node, far), upLink(other, otherFar)]
  const peers = Array.from({ length: room + 100 }, (_, i) => ip(`10.1.${1 + (i >> 8)}.${i & 255}`))
  for (const peer of peers) accept(node.route, manageNeighbour({ device, ip: peer, protocol: PROTOCOL }))
  const read = node.route.dump(getNeighbours(4)).map(parseNeighbour)
  assert.deepEqual([read.length, read.every((n) => n?.managed && n.isLearnedElsewhere)], [peers.length, true])
  // One that counts, as the kernel makes them for packets.
  const fixed = { device: otherDevice, ip: ip('10.1.0.9'), mac: mac('02:00:0a:00:00:05'), protocol: PROTOCOL }
  const counted = setNeighbour(fixed)
  new DataView(counted.body.buffer, counted.body.byteOffset).setUint16(8, NUD_REACHABLE, true)
  accept(other.route, counted)
  assert.equal(other.route.dump(getNeighbours(4)).map(parseNeighbour)[0]?.isLearnedElsewhere, false)
})

test('a vxlan device has static forwarding entries, zero UDP checksums and no learning', (t) => {
  const node = testNamespace(t)
  const spec = {
    name: 'podlane-vxlan',
    mac: mac('02:11:0a:00:00:01'),
    mtuBytes: 1450,
    group: 3,
    vni: 112,
    port: 4789,
    local: ip('10.0.0.1'),
  }
  const link = make(node.route, addVxlan(spec), spec.name)
  assert.deepEqual(link.vxlan, {
    vni: 112,
    port: 4789,
    local: '10.0.0.1',
    learning: false,
    udpChecksum: false,
    zeroChecksum6Tx: true,
    zeroChecksum6Rx: true,
  })
  accept(node.route, setFdb({ device: link.index, mac: mac('02:11:0a:00:00:02'), dst: ip('10.0.0.2') }))
  assert.deepEqual(
    node.route
      .dump(getFdb(link.index))
      .map(parseFdb)
      .map((f) => [f?.mac, f?.dst]),
    [['02:11:0a:00:00:02', '10.0.0.2']],
  )
})

test('rules and token buckets come and go', (t) => {
  const node = testNamespace(t)
  const rule = {
    family: 4,
    priority: 500,
    table: 100,
    protocol: PROTOCOL,
    mark: { value: 0x10, mask: 0xf0 },
  } as const
  accept(node.route, addRule(rule))
  assert.deepEqual(
    node.route
      .dump(getRules(4))
      .map(parseRule)
      .find((r) => r.priority === 500),
    rule,
  )
  accept(node.route, delRule(rule))
  const pod = testNamespace(t)
  const link = make(node.route, addVeth(vethSpec(pod.fd)), NAME)
  accept(node.route, setTokenBucket(link.index, { bytesPerSecond: 1_250_000, burstBytes: 100_000 }))
  assert.ok(
    node.route
      .dump(getQdiscs())
      .map(parseQdisc)
      .some((q) => q.device === link.index && q.kind === 'tbf'),
  )
  const seen = execFileSync('nsenter', [`--net=${node.path}`, 'tc', 'qdisc', 'show', 'dev', link.name], {
    encoding: 'utf8',
  })
  assert.match(seen, /tbf .*rate 10Mbit/)
})
