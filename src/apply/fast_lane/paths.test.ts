import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Lifetime } from '../../../test/namespaces.ts'
import { type Cidr, parseCidr } from '../../base/cidr.ts'
import type { IfIndex } from '../../base/ifindex.ts'
import { parseIp } from '../../base/ip.ts'
import { parseMac } from '../../base/mac.ts'
import { must } from '../../base/result.ts'
import { BpfMap, createMap } from '../../kernel/bpf/map.ts'
import type { FastPath } from '../../plan/fast_lane.ts'
import type { ApplyOptions } from '../fast_lane_contract.ts'
import { lane, layouts, PATH_LOCAL } from './abi.ts'
import type { Epochs } from './epochs.ts'
import { PathTable } from './paths.ts'
import { mapSpecs, readObjects } from './programs.ts'
import { addressKey, indexKey, rangeKey } from './values.ts'

const ip = (text: string) => must(parseIp(text))
const mac = (text: string) => must(parseMac(text))
const cidr = (text: string): Cidr => must(parseCidr(text))
const own = [cidr('10.244.1.0/24')]
const NEXT = mac('02:00:00:00:00:fe')

const path = (n: number, over: Partial<FastPath> = {}): FastPath => ({
  key: `node${n}`,
  peer: `node${n}`,
  kind: 'vxlan',
  ranges: [cidr(`10.244.${n}.0/24`), cidr(`fd00:${n}::/64`)],
  mtuBytes: 1450,
  uplink: 2 as IfIndex,
  ownMac: mac('02:00:00:00:00:01'),
  own: ip('192.0.2.1'),
  address: ip(`198.51.100.${n}`),
  hop: { ip: ip('192.0.2.254'), mac: NEXT },
  directMac: undefined,
  tunnel: { source: mac('0e:00:00:00:00:01'), destination: mac('0e:00:00:00:00:03'), vni: 112, port: 4789 },
  lane: 'fast',
  why: '',
  ...over,
})

/** Maps as the programs have them, and every write to them in order. */
function tableFor(t: Lifetime) {
  const specs = mapSpecs(must(readObjects({})))
  const log: string[] = []
  const open = (name: string): BpfMap => {
    const spec = specs.find((s) => s.name === name) ?? assert.fail(name)
    const map = must(createMap(spec))
    t.after(() => map.close())
    return new (class extends BpfMap {
      override update(key: Buffer, value: Buffer) {
        const state = name === 'paths' ? ` lane ${value.readUInt32LE(layouts.path.lane.at)}` : ''
        log.push(`${name} ${(name === 'tunnels' ? value : key).readUInt32LE(0)}${state}`)
        return super.update(key, value)
      }
    })(map.fd, map.spec)
  }
  const maps = {
    paths: open('paths'),
    path_counts: open('path_counts'),
    hops: open('hops'),
    neighbours: open('neighbours'),
    ranges: open('ranges'),
    tunnels: open('tunnels'),
  }
  const epochs: Epochs = {
    raise: (ips) => log.push(`raise ${ips.join()}`),
    raiseRange: (range) => log.push(`raise ${range}`),
    raiseAll: () => log.push('raise all'),
  }
  return { maps, log, open: () => new PathTable(maps, epochs) }
}

const look = (
  table: PathTable,
  here: FastPath['lane'],
  ranges: readonly Cidr[],
  paths: readonly FastPath[],
  how: ApplyOptions,
) => table.apply({ lane: here, mtuBytes: 1500, own: ranges, paths }, how)

const options = { sweep: true, again: false }
const rangeIndex = (maps: ReturnType<typeof tableFor>['maps'], range: string): number | undefined =>
  maps.ranges.lookup(rangeKey(cidr(range)))?.readUInt32LE(0)
const laneAt = (map: BpfMap, index: number): number =>
  map.lookup(indexKey(index))?.readUInt32LE(layouts.path.lane.at) ?? -1

test('both ranges of a path lead to it, and what stays here is path 0', (t) => {
  const { maps, open } = tableFor(t)
  const table = open()
  const applied = look(table, 'fast', own, [path(2), path(3)], options)
  assert.deepEqual(applied.faults, [])
  assert.deepEqual(applied.switched, [...own, ...path(2).ranges, ...path(3).ranges])
  const index = table.indexOf(path(3)) ?? -1
  assert.deepEqual([rangeIndex(maps, '10.244.3.0/24'), rangeIndex(maps, 'fd00:3::/64')], [index, index])
  assert.notEqual(index, table.indexOf(path(2)))
  assert.deepEqual(
    [laneAt(maps.paths, PATH_LOCAL), laneAt(maps.paths, index)],
    [lane.LANE_FAST, lane.LANE_FAST],
  )
})

test('a second look at the same plan writes nothing', (t) => {
  const { log, open } = tableFor(t)
  const table = open()
  look(table, 'fast', own, [path(2), path(3)], options)
  log.length = 0
  assert.deepEqual(look(table, 'fast', own, [path(3), path(2)], options), {
    changes: [],
    faults: [],
    switched: [],
  })
  assert.deepEqual(log, [])
})

test('a path keeps its index over a restart, whatever the order and whoever else came or went', (t) => {
  const { maps, log, open } = tableFor(t)
  const before = open()
  look(before, 'fast', own, [path(2), path(3), path(4)], options)
  const kept = [before.indexOf(path(3)), before.indexOf(path(4))]
  log.length = 0
  const after = open()
  const applied = look(after, 'fast', own, [path(9), path(4), path(3)], options)
  assert.deepEqual([after.indexOf(path(3)), after.indexOf(path(4))], kept)
  assert.ok(![...kept, before.indexOf(path(2))].includes(after.indexOf(path(9))), 'while ranges lead there')
  assert.deepEqual(applied.switched, path(9).ranges)
  assert.equal(rangeIndex(maps, '10.244.2.0/24'), undefined)
  assert.ok(log.includes('raise all'), 'of a range that an earlier agent knew')
})

test('a changed header is written while the path is plain', (t) => {
  const { log, open } = tableFor(t)
  const table = open()
  look(table, 'fast', own, [path(2)], options)
  const index = table.indexOf(path(2))
  log.length = 0
  const moved = path(2, { address: ip('198.51.100.77') })
  const applied = look(table, 'fast', own, [moved], options)
  const writes = [`paths ${index} lane 0`, `paths ${index} lane 0`, `paths ${index} lane 1`]
  assert.deepEqual(log, [...writes, `tunnels ${index}`])
  assert.deepEqual([applied.changes, applied.switched], [['fast lane: path to node2'], []])
})

test('a tunnel’s peer leads to its path, as long as there is one; on the segment there is none', (t) => {
  const { maps, open } = tableFor(t)
  const table = open()
  const leads = (): [string, number][] =>
    [...maps.tunnels.entries()].map(([key, value]) => [key.toString('hex'), value.readUInt32LE(0)])
  const key = (text: string): string => addressKey(ip(text)).toString('hex')
  const index = (n: number): number => table.indexOf(path(n)) ?? -1
  const direct = path(4, { kind: 'direct', directMac: NEXT })
  const six = path(3, { address: ip('2001:db8:9::3') })
  look(table, 'fast', own, [path(2), six, direct], options)
  const wanted = [
    [key('198.51.100.2'), index(2)],
    [key('2001:db8:9::3'), index(3)],
  ]
  assert.deepEqual(leads().sort(), wanted.sort())
  look(table, 'fast', own, [path(2, { address: ip('198.51.100.77') })], options)
  assert.deepEqual(leads(), [[key('198.51.100.77'), index(2)]])
})

test('an MTU that a program has lowered stands when the plan says the same again', (t) => {
  const { maps, open } = tableFor(t)
  const table = open()
  look(table, 'fast', own, [path(2)], options)
  const key = indexKey(table.indexOf(path(2)) ?? -1)
  const lowered = maps.paths.lookup(key) ?? assert.fail('no path')
  lowered.writeUInt32LE(1200, layouts.path.mtu_bytes.at)
  maps.paths.update(key, lowered)
  for (const again of [false, true]) look(table, 'fast', own, [path(2)], { sweep: true, again })
  assert.deepEqual(maps.paths.lookup(key), lowered)
})

test('a switched lane is one write, and names the ranges that it concerns', (t) => {
  const { log, open } = tableFor(t)
  const table = open()
  look(table, 'fast', own, [path(2), path(3)], options)
  log.length = 0
  const applied = look(table, 'plain', own, [path(2, { lane: 'plain' }), path(3)], options)
  assert.deepEqual(log, ['paths 0 lane 0', `paths ${table.indexOf(path(2))} lane 0`])
  assert.deepEqual(applied.switched, [...own, ...path(2).ranges])
})

test('a hop is believed again only when all that goes through it has its new MAC', (t) => {
  const { log, open } = tableFor(t)
  const table = open()
  look(table, 'fast', own, [path(2), path(3)], options)
  log.length = 0
  const hop = { ip: ip('192.0.2.254'), mac: mac('02:00:00:00:00:99') }
  look(table, 'fast', own, [path(2, { hop }), path(3, { hop })], options)
  const good = log.findIndex((line) => line.startsWith('hops'))
  assert.equal(good, log.length - 1, log.join('\n'))
})

test('a hop that a program saw move stays so until it is asked again', (t) => {
  const { maps, open } = tableFor(t)
  const table = open()
  look(table, 'fast', own, [path(2)], options)
  const index =
    maps.neighbours.lookup(addressKey(ip('192.0.2.254')))?.readUInt32LE(layouts.neighbour.hop.at) ?? 0
  assert.notEqual(index, 0, '0 is nobody’s')
  assert.equal(table.moved()(path(2)), false)
  const moved = Buffer.alloc(layouts.hop.size)
  moved.writeUInt32LE(1)
  maps.hops.update(indexKey(index), moved)
  assert.equal(table.moved()(path(2)), true)
  look(table, 'fast', own, [path(2)], options)
  assert.deepEqual(maps.hops.lookup(indexKey(index)), moved)
  look(table, 'fast', own, [path(2)], { sweep: true, again: true })
  assert.deepEqual(maps.hops.lookup(indexKey(index)), Buffer.alloc(layouts.hop.size))
})

test('a path that is gone leaves no range, no lane and no neighbour; its index is free again', (t) => {
  const { maps, log, open } = tableFor(t)
  const table = open()
  look(table, 'fast', own, [path(2), path(3)], options)
  const index = table.indexOf(path(2)) ?? -1
  log.length = 0
  look(table, 'fast', own, [], options)
  assert.equal([...maps.ranges.entries()].length, 0)
  assert.equal([...maps.neighbours.entries()].length, 0)
  assert.equal(laneAt(maps.paths, index), lane.LANE_PLAIN)
  for (const range of path(2).ranges) assert.ok(log.includes(`raise ${range}`))
  look(table, 'fast', own, [path(7)], options)
  assert.equal(table.indexOf(path(7)), index)
})

test('without a sweep nothing is taken away', (t) => {
  const { maps, open } = tableFor(t)
  const table = open()
  look(table, 'fast', own, [path(2)], options)
  look(table, 'fast', own, [], { sweep: false, again: false })
  assert.notEqual(rangeIndex(maps, '10.244.2.0/24'), undefined)
})

test('a range that changes hands leads to its new node, and its flows are decided again', (t) => {
  const { maps, log, open } = tableFor(t)
  const table = open()
  look(table, 'fast', own, [path(2), path(3)], options)
  log.length = 0
  const [four = '', six = ''] = path(2).ranges
  look(
    table,
    'fast',
    own,
    [path(2, { ranges: [cidr(six)] }), path(3, { ranges: [...path(3).ranges, cidr(four)] })],
    options,
  )
  assert.equal(rangeIndex(maps, four), table.indexOf(path(3)))
  assert.deepEqual(
    log.filter((l) => l.startsWith('raise')),
    [`raise ${four}`],
  )
})

test('more paths than the table holds are named, and go plain', (t) => {
  const { maps, open } = tableFor(t)
  const small = new PathTable(
    { ...maps, paths: new BpfMap(maps.paths.fd, { ...maps.paths.spec, maxEntries: 2 }) },
    { raise: () => {}, raiseRange: () => {}, raiseAll: () => {} },
  )
  const applied = look(small, 'fast', own, [path(2), path(3)], options)
  assert.deepEqual(
    applied.faults.map((f) => [f.object, f.found]),
    [['path to node3', 'it is full']],
  )
  assert.ok(open())
})
