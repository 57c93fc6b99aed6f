import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { machine, tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { testNamespace } from '../../../test/namespaces.ts'
import type { IfIndex } from '../../base/ifindex.ts'
import { parseMac } from '../../base/mac.ts'
import { must } from '../../base/result.ts'
import { addClsact, delFilter, getFilters, parseFilter, setFilter } from '../netlink/clsact.ts'
import { addVeth, getLinkByName, parseLink, setLink } from '../netlink/link.ts'
import type { Message } from '../netlink/message.ts'
import { call, mustCall } from '../syscalls.ts'
import { ensureBpffs, isBpffs } from './bpffs.ts'
import { closeFd, cString } from './command.ts'
import { sumPerCpu } from './cpus.ts'
import { missingFeatures, probeFeatures } from './features.ts'
import { KernelBtf } from './kernel_btf.ts'
import { ATTACH, attachToDevice, openPinnedLink } from './link.ts'
import { createMap, MAP, openPinnedMap, specDifference, UPDATE } from './map.ts'
import { type BpfObject, readObjectFile } from './object.ts'
import { type LoadedObject, type LoadOptions, loadObject, openPinnedProgram } from './program.ts'
import { enableStatistics, openProgramById, programInfo } from './program_info.ts'
import { RingBuffer } from './ring_buffer.ts'
import { runOnPacket, runSyscallProgram } from './test_run.ts'

const folder = mkdtempSync(join(tmpdir(), 'podlane-bpf-'))
after(() => rmSync(folder, { recursive: true, force: true }))

function compile(name: string): BpfObject {
  const source = fileURLToPath(new URL(`./testing/${name}.bpf.c`, import.meta.url))
  const out = join(folder, `${name}.o`)
  const flags = ['-O2', '-g', '-target', 'bpf', '-mcpu=v3', '-Wall', '-Werror']
  execFileSync('clang-19', [...flags, `-I/usr/include/${machine()}-linux-gnu`, '-c', source, '-o', out])
  return must(readObjectFile(out))
}
const counter = compile('counter')

type Context = { after: (work: () => void) => void }
function load(t: Context, options: LoadOptions = {}): LoadedObject {
  const loaded = must(loadObject(counter, options))
  t.after(() => loaded.close())
  return loaded
}

const u32 = (value: number): Buffer => {
  const out = Buffer.alloc(4)
  out.writeUInt32LE(value)
  return out
}
const u64 = (...values: bigint[]): Buffer => {
  const out = Buffer.alloc(8 * values.length)
  for (const [i, value] of values.entries()) out.writeBigUInt64LE(value, i * 8)
  return out
}
/** Packets and bytes that the program counted under a number. */
const counted = (loaded: LoadedObject, number: number): [bigint, bigint] | undefined => {
  const value = loaded.map('counts').lookup(u32(number))
  return value && [value.readBigUInt64LE(0), value.readBigUInt64LE(8)]
}
/** An Ethernet frame with an IPv4 header that is large enough to be one. */
const FRAME = Buffer.concat([Buffer.alloc(12), Buffer.from([8, 0, 0x45]), Buffer.alloc(85)])

test('a program counts by maps, a callback for each entry, and per-CPU values', (t) => {
  const loaded = load(t)
  const program = loaded.program('count_one')
  const first = must(runOnPacket(program.fd, { packet: FRAME }))
  assert.equal(first.verdict, -1)
  assert.deepEqual(first.packet, FRAME)
  must(runOnPacket(program.fd, { packet: FRAME, repeat: 9, skb: { mark: 7, wireLen: 3000, gsoSize: 1400 } }))
  assert.deepEqual(counted(loaded, 1), [10n, 1000n])
  const once = must(runOnPacket(loaded.program('count_thousand').fd, { packet: FRAME, skb: { mark: 7 } }))
  assert.equal(once.skb.cb0, 1010, 'what bpf_for_each_map_elem summed up')
  assert.equal(once.skb.mark, 7)
  const perCpu = loaded.map('per_cpu')
  const value = perCpu.lookup(u32(0)) ?? assert.fail('no per-CPU value')
  assert.equal(sumPerCpu(value, perCpu.spec.valueSize), 11n)
  const bss = loaded.map('.bss').lookup(u32(0)) ?? assert.fail('no .bss')
  assert.equal(bss.readBigUInt64LE(0), 1010n)
})

test('constants are set before the load, and the verifier drops what they exclude', (t) => {
  const slotTwo = load(t, { constants: { slot: 2 } })
  must(runOnPacket(slotTwo.program('count_one').fd, { packet: FRAME }))
  assert.deepEqual(counted(slotTwo, 2), [1n, 100n])
  assert.equal(counted(slotTwo, 1), undefined)
  const withConntrack = load(t, { constants: { use_conntrack: 1 } })
  const ran = must(runOnPacket(withConntrack.program('count_one').fd, { packet: FRAME }))
  assert.equal(ran.skb.mark, 0, 'no such connection')
  const [less, more] = [slotTwo, withConntrack].map((l) => programInfo(l.program('count_one').fd))
  assert.ok((less?.translatedBytes ?? 0) < (more?.translatedBytes ?? 0))
  const unknown = loadObject(counter, { constants: { slots: 2 } })
  assert.equal(unknown.ok ? '' : unknown.error.object, 'constant slots of counter')
})

test('a kernel function that is missing is no error until it is called', (t) => {
  const called = loadObject(counter, { constants: { use_missing: 1 }, programs: ['count_one'] })
  assert.match(called.ok ? '' : called.error.next, /invalid kernel function call/)
  const question = Buffer.alloc(24)
  assert.equal(must(runSyscallProgram(load(t).program('asked').fd, question)), 3)
  assert.equal(question.readBigUInt64LE(0), 1n, 'bpf_skb_ct_lookup is known')
  assert.equal(question.readBigUInt64LE(8), 0n, 'podlane_no_such_function is not')
  const offset = Number(question.readBigUInt64LE(16))
  assert.ok(offset > 0 && offset < 512, `nf_conn.status at byte ${offset} of the kernel's own`)
})

test('maps that are there already are used, and refused if their layout differs', (t) => {
  const first = load(t)
  const second = load(t, { maps: first.maps })
  must(runOnPacket(first.program('count_one').fd, { packet: FRAME }))
  must(runOnPacket(second.program('count_one').fd, { packet: FRAME }))
  assert.deepEqual(counted(first, 1), [2n, 200n])
  const spec = { name: 'counts', type: MAP.HASH, keySize: 4, valueSize: 8, maxEntries: 64, flags: 0 }
  const other = must(createMap(spec))
  t.after(() => other.close())
  const refused = loadObject(counter, { maps: new Map([['counts', other]]) })
  assert.equal(refused.ok ? '' : refused.error.found, 'valueSize 8 instead of 16')
})

test('every map kind is written and read in batches, or one by one where the kernel cannot', (t) => {
  for (const type of [MAP.HASH, MAP.LRU_HASH, MAP.LPM_TRIE, MAP.ARRAY]) {
    const [keySize, flags] = type === MAP.LPM_TRIE ? [8, 1] : [4, 0]
    const map = must(createMap({ name: 'batch', type, keySize, valueSize: 8, maxEntries: 5000, flags }))
    t.after(() => map.close())
    const key = (i: number) => (type === MAP.LPM_TRIE ? Buffer.concat([u32(32), u32(i)]) : u32(i))
    must(map.updateBatch(Array.from({ length: 3000 }, (_, i) => [key(i), u64(BigInt(i))] as const)))
    const read = new Map(
      [...map.entries()].map(([k, v]) => [k.readUInt32LE(keySize - 4), v.readBigUInt64LE()]),
    )
    const there = type === MAP.ARRAY ? 5000 : 3000
    // An LRU map may give up some before it is full.
    assert.ok(type === MAP.LRU_HASH ? read.size > 2500 : read.size === there, `${type}: ${read.size}`)
    for (const [k, v] of read) assert.equal(v, k < 3000 ? BigInt(k) : 0n)
  }
})

test('an entry is added once only if so wanted, deleted once, and a full map is a fault', (t) => {
  const map = must(
    createMap({ name: 'two', type: MAP.HASH, keySize: 4, valueSize: 4, maxEntries: 2, flags: 0 }),
  )
  t.after(() => map.close())
  assert.equal([...map.entries()].length, 0)
  assert.ok(map.update(u32(1), u32(1), UPDATE.NOEXIST).ok)
  const again = map.update(u32(1), u32(2), UPDATE.NOEXIST)
  assert.match(again.ok ? '' : again.error.found, /EEXIST/)
  assert.ok(map.update(u32(2), u32(2)).ok)
  assert.match(faultOf(map.update(u32(3), u32(3))), /E2BIG/)
  assert.equal(map.delete(u32(1)), true)
  assert.equal(map.delete(u32(1)), false)
  assert.throws(() => map.lookup(Buffer.alloc(8)), /a key has 4 bytes, not 8/)
})
const faultOf = (
  r: ReturnType<typeof openPinnedMap> | { ok: true } | { ok: false; error: { found: string } },
) => (r.ok ? '' : r.error.found)

const AF_PACKET = 17
const SOCK_RAW = 3

function vethIn(t: Parameters<typeof testNamespace>[0]) {
  const node = testNamespace(t)
  const pod = testNamespace(t)
  const accept = (message: Message) => {
    const answer = node.route.request(message)
    assert.ok(answer.ok, `${message.object}: ${JSON.stringify(answer)}`)
    return answer
  }
  accept(
    addVeth({
      name: 'node0',
      mac: must(parseMac('02:70:6c:00:00:01')),
      mtuBytes: 1500,
      group: 0,
      peer: { name: 'eth0', mac: must(parseMac('02:70:6c:00:00:02')), netnsFd: pod.fd },
    }),
  )
  const link = (): IfIndex =>
    parseLink(accept(getLinkByName('node0')).replies[0] ?? assert.fail('no link')).index
  const peer = pod.route.request(setLink('eth0', { up: true, noLinkLocal: true }))
  accept(setLink('node0', { up: true }))
  assert.ok(peer.ok)
  const eth0 = pod.route.request(getLinkByName('eth0'))
  const out = parseLink((eth0.ok && eth0.replies[0]) || assert.fail('no eth0')).index
  /** One frame out of the pod: the node's ingress sees it before this returns. */
  const send = () =>
    pod.inside(() => {
      const fd = mustCall('socket', AF_PACKET, SOCK_RAW, 0)
      const to = Buffer.alloc(20)
      to.writeUInt16LE(AF_PACKET, 0)
      to.writeInt32LE(out, 4)
      mustCall('sendto', fd, FRAME, FRAME.length, 0, to, to.length)
      closeFd(fd)
    })
  return { node, accept, device: link(), send }
}

function bpffsIn(t: Context): string {
  const root = join(folder, 'bpffs')
  const path = must(ensureBpffs(root, 'podlane'))
  t.after(() => call('umount2', cString(root), 0))
  assert.ok(isBpffs(path))
  return path
}

test('a tcx program sees packets, is replaced atomically, pinned, and found again', (t) => {
  const { node, device, send } = vethIn(t)
  const pins = bpffsIn(t)
  const loaded = load(t)
  const link = must(
    node.inside(() =>
      attachToDevice(loaded.program('count_one').fd, device, ATTACH.TCX_INGRESS, { at: 'head' }),
    ),
  )
  send()
  const one = counted(loaded, 1) ?? assert.fail('nothing counted')
  assert.equal(one[0], 1n)
  must(link.update(loaded.program('count_thousand').fd))
  send()
  assert.equal(counted(loaded, 1)?.[0], 1001n)

  must(link.pin(`${pins}/link`))
  must(loaded.map('counts').pin(`${pins}/counts`))
  must(loaded.program('count_one').pin(`${pins}/one`))
  link.close()
  send()
  const found = must(openPinnedLink(`${pins}/link`)) ?? assert.fail('no link')
  const map = must(openPinnedMap(`${pins}/counts`)) ?? assert.fail('no map')
  const program = must(openPinnedProgram(`${pins}/one`, 'count_one')) ?? assert.fail('no program')
  const info = node.inside(() => found.info())
  assert.equal(info.kind, 'tcx')
  assert.equal(info.ifindex, device)
  assert.equal(info.attachType, ATTACH.TCX_INGRESS)
  assert.equal(info.programId, programInfo(loaded.program('count_thousand').fd).id)
  assert.equal(map.lookup(u32(1))?.readBigUInt64LE(), 2001n)
  assert.equal(specDifference(map.spec, loaded.map('counts').spec), undefined)
  assert.equal(programInfo(program.fd).name, 'count_one')
  must(found.detach())
  send()
  assert.equal(counted(loaded, 1)?.[0], 2001n)
  for (const thing of [found, map, program]) thing.close()

  assert.equal(must(openPinnedMap(`${pins}/nothing`)), undefined)
  assert.match(faultOf(openPinnedMap(`${pins}/one`)), /bpf-prog/)
})

test('the same program is a clsact filter on a kernel without tcx, recognised as ours', (t) => {
  const { node, accept, device, send } = vethIn(t)
  const loaded = load(t, { attachType: 0 })
  accept(addClsact(device))
  accept(setFilter(device, 'ingress', 'count', loaded.program('count_one').fd))
  send()
  assert.equal(counted(loaded, 1)?.[0], 1n)
  accept(setFilter(device, 'ingress', 'count', loaded.program('count_thousand').fd))
  send()
  assert.equal(counted(loaded, 1)?.[0], 1001n)
  const pin = `${bpffsIn(t)}/theirs`
  must(loaded.program('count_one').pin(pin))
  const theirs = ['filter', 'add', 'dev', 'node0', 'ingress', 'prio', '9', 'bpf', 'da', 'pinned', pin]
  execFileSync('nsenter', [`--net=${node.path}`, 'tc', ...theirs])
  const rows = () => node.route.dump(getFilters(device, 'ingress')).flatMap((body) => parseFilter(body) ?? [])
  const names = () => rows().map((r) => r.ownName)
  assert.deepEqual(names(), [undefined, 'count'])
  assert.equal(rows()[1]?.programId, programInfo(loaded.program('count_thousand').fd).id)
  accept(delFilter(device, 'ingress'))
  assert.deepEqual(names(), [undefined])
})

test('records of a ring buffer arrive on the event loop, in order, over its end too', async (t) => {
  const loaded = load(t)
  const program = loaded.program('count_one')
  const got: bigint[] = []
  let arrived: () => void = () => undefined
  const ring = new RingBuffer(loaded.map('events'), (record) => {
    got.push(record.readBigUInt64LE())
    if (got.length % 200 === 0) arrived()
  })
  t.after(() => ring.close())
  // 256 records fill it: three rounds go over its end.
  for (let round = 0; round < 3; round++) {
    const all = new Promise<void>((resolve) => {
      arrived = resolve
    })
    must(runOnPacket(program.fd, { packet: FRAME, repeat: 200 }))
    await all
  }
  assert.deepEqual(
    got,
    Array.from({ length: 600 }, (_, i) => BigInt(i + 1)),
  )
})

test('run times are counted while statistics are on', (t) => {
  const program = load(t).program('count_one')
  const on = must(enableStatistics())
  must(runOnPacket(program.fd, { packet: FRAME }))
  closeFd(on)
  const info = programInfo(program.fd)
  assert.ok(info.verifiedInstructions > 50)
  assert.equal(info.mapIds.length, 6)
  assert.match(info.tag, /^[0-9a-f]{16}$/)
  const again = openProgramById(info.id) ?? assert.fail('gone')
  assert.equal(programInfo(again).tag, info.tag)
  closeFd(again)
})

test('what the kernel lacks is named with the release that brought it', () => {
  using kernel = new KernelBtf()
  const features = probeFeatures(kernel)
  assert.equal(features.bpf, true)
  const none = { ...features, tcx: false, netkit: true }
  assert.deepEqual(missingFeatures(none), ['tcx links: came with Linux 6.6'])
})
