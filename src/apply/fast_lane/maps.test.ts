import assert from 'node:assert/strict'
import { readdirSync, rmdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { test } from 'node:test'
import type { Lifetime } from '../../../test/namespaces.ts'
import { must } from '../../base/result.ts'
import { ensureBpffs } from '../../kernel/bpf/bpffs.ts'
import { cString } from '../../kernel/bpf/command.ts'
import { type BpfMap, MAP, type MapSpec, openPinnedMap } from '../../kernel/bpf/map.ts'
import { programInfo } from '../../kernel/bpf/program_info.ts'
import { call } from '../../kernel/syscalls.ts'
import { openMaps } from './maps.ts'
import { mapSpecs, openPrograms, PROGRAMS, readObjects } from './programs.ts'
import { indexKey } from './values.ts'

let made = 0
function bpffsIn(t: Lifetime): string {
  const root = `${tmpdir()}/podlane-maps-${process.pid}-${made++}`
  const path = must(ensureBpffs(root, 'podlane'))
  t.after(() => {
    call('umount2', cString(root), 0)
    rmdirSync(root)
  })
  return path
}

const flows = (over: Partial<MapSpec> = {}): MapSpec => ({
  name: 'flows',
  type: MAP.LRU_HASH,
  keySize: 8,
  valueSize: 12,
  maxEntries: 4096,
  flags: 0,
  ...over,
})
const key = (n: number): Buffer => {
  const out = Buffer.alloc(8)
  out.writeUInt32LE(n)
  return out
}

/** Opened, and closed with the test. */
function open(t: Lifetime, folder: string, specs: readonly MapSpec[]): (name: string) => BpfMap {
  const maps = must(openMaps(folder, specs))
  t.after(() => {
    for (const map of maps.values()) map.close()
  })
  return (name) => maps.get(name) ?? assert.fail(name)
}
function filled(t: Lifetime, folder: string, spec: MapSpec, entries: number): BpfMap {
  const map = open(t, folder, [spec])(spec.name)
  for (let n = 0; n < entries; n++) map.update(key(n), Buffer.alloc(spec.valueSize, n % 251))
  return map
}

test('a restart finds the same map with what is in it', (t) => {
  const folder = bpffsIn(t)
  const before = filled(t, folder, flows(), 10)
  const after = open(t, folder, [flows()])('flows')
  assert.equal(after.id(), before.id())
  assert.equal([...after.entries()].length, 10)
})

test('a flow with fields more is carried over, with zeros in them', (t) => {
  const folder = bpffsIn(t)
  const before = filled(t, folder, flows(), 1000)
  const after = open(t, folder, [flows({ valueSize: 20 })])('flows')
  assert.notEqual(after.id(), before.id())
  assert.equal([...after.entries()].length, 1000)
  for (const n of [0, 7, 999])
    assert.deepEqual(after.lookup(key(n)), Buffer.concat([Buffer.alloc(12, n % 251), Buffer.alloc(8)]))
  assert.equal(must(openPinnedMap(`${folder}/flows`))?.id(), after.id(), 'the new one is pinned')
  assert.deepEqual(readdirSync(folder), ['flows'])
})

test('a larger table keeps all flows, a smaller one as many as fit', (t) => {
  const folder = bpffsIn(t)
  filled(t, folder, flows(), 3000)
  assert.equal([...open(t, folder, [flows({ maxEntries: 8192 })])('flows').entries()].length, 3000)
  const small = open(t, folder, [flows({ maxEntries: 1024 })])('flows')
  const left = [...small.entries()].length
  assert.ok(left > 500 && left <= 1024, `${left} left`)
})

test('flows with another key begin anew', (t) => {
  const folder = bpffsIn(t)
  filled(t, folder, flows(), 10)
  assert.equal([...open(t, folder, [flows({ keySize: 12 })])('flows').entries()].length, 0)
})

test('what the plan writes again is not carried', (t) => {
  const folder = bpffsIn(t)
  const endpoints = flows({ name: 'endpoints', type: MAP.HASH })
  filled(t, folder, endpoints, 10)
  assert.equal([...open(t, folder, [{ ...endpoints, valueSize: 16 }])('endpoints').entries()].length, 0)
})

test('a draft that a crash left is no obstacle', (t) => {
  const folder = bpffsIn(t)
  const before = filled(t, folder, flows(), 3)
  must(before.pin(`${folder}/flows-new`))
  const after = open(t, folder, [flows({ valueSize: 16 })])('flows')
  assert.equal([...after.entries()].length, 3)
  assert.deepEqual(readdirSync(folder), ['flows'])
})

const CONSTANTS = { have_conntrack: 0, have_decap_family: 0 }
function openAll(t: Lifetime, folder: string, constants: Readonly<Record<string, number>>, sizes = {}) {
  const objects = must(readObjects({ flows: 4096, half_open: 4096, ...sizes }))
  const maps = must(openMaps(`${folder}/maps`, mapSpecs(objects)))
  const programs = must(openPrograms(`${folder}/programs`, objects, maps, constants))
  t.after(() => {
    for (const opened of [...programs.values(), ...maps.values()]) opened.close()
  })
  const ids = PROGRAMS.map((name) => programInfo(programs.get(name)?.fd ?? assert.fail(name)).id)
  return { maps, programs, ids }
}

test('a restart takes the pinned programs; other constants replace those that have them, on the same maps', (t) => {
  const folder = bpffsIn(t)
  const first = openAll(t, folder, CONSTANTS)
  first.maps.get('epochs')?.update(indexKey(7), indexKey(3))
  assert.deepEqual(openAll(t, folder, CONSTANTS).ids, first.ids)
  const changed = openAll(t, folder, { ...CONSTANTS, vxlan_vni: 7 })
  const same = PROGRAMS.filter((_, i) => changed.ids[i] === first.ids[i])
  assert.ok(!same.includes('uplink_ingress'))
  assert.deepEqual(changed.maps.get('epochs')?.lookup(indexKey(7)), indexKey(3))
  const mapsOf = (opened: typeof first): number[] => [...opened.maps.values()].map((m) => m.id())
  assert.deepEqual(mapsOf(changed), mapsOf(first))
  assert.equal(readdirSync(`${folder}/programs`).length, PROGRAMS.length, 'the old one’s pin is gone')
})

test('a table of another size brings programs that use it, and its flows come along', (t) => {
  const folder = bpffsIn(t)
  const first = openAll(t, folder, CONSTANTS)
  const table = first.maps.get('flows') ?? assert.fail('no flows')
  const flow = Buffer.alloc(table.spec.valueSize, 1)
  for (let n = 0; n < 100; n++) table.update(Buffer.alloc(table.spec.keySize, n), flow)
  const larger = openAll(t, folder, CONSTANTS, { flows: 8192 })
  const now = larger.maps.get('flows') ?? assert.fail('no flows')
  assert.equal([...now.entries()].length, 100)
  assert.equal(larger.maps.get('ranges')?.id(), first.maps.get('ranges')?.id())
  const uses = programInfo(larger.programs.get('pod_egress')?.fd ?? -1).mapIds
  assert.ok(uses.includes(now.id()) && !uses.includes(table.id()))
})
