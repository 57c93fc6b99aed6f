import assert from 'node:assert/strict'
import { test } from 'node:test'
import { must } from '../../base/result.ts'
import { closeFd } from './command.ts'
import { sumPerCpu } from './cpus.ts'
import { createMap, MAP } from './map.ts'
import { loadObject } from './program.ts'
import { enableStatistics, openProgramById, programInfo } from './program_info.ts'
import { runOnPacket, runSyscallProgram } from './test_run.ts'
import { compile, counted, counterObject, FRAME, loadCounter, u32, u64 } from './testing/counter.ts'

test('a program counts by maps, a callback for each entry, and per-CPU values', (t) => {
  const loaded = loadCounter(t)
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
  assert.equal(sumPerCpu(value, perCpu.spec.valueSize), 11)
  const bss = loaded.map('.bss').lookup(u32(0)) ?? assert.fail('no .bss')
  assert.equal(bss.readBigUInt64LE(0), 1010n)
})

test('constants are set before the load, and the verifier drops what they exclude', (t) => {
  const slotTwo = loadCounter(t, { constants: { slot: 2 } })
  must(runOnPacket(slotTwo.program('count_one').fd, { packet: FRAME }))
  assert.deepEqual(counted(slotTwo, 2), [1n, 100n])
  assert.equal(counted(slotTwo, 1), undefined)
  const withConntrack = loadCounter(t, { constants: { use_conntrack: 1 } })
  const ran = must(runOnPacket(withConntrack.program('count_one').fd, { packet: FRAME }))
  assert.equal(ran.skb.mark, 0, 'no such connection')
  const [less, more] = [slotTwo, withConntrack].map((l) => programInfo(l.program('count_one').fd))
  assert.ok((less?.translatedBytes ?? 0) < (more?.translatedBytes ?? 0))
  const unknown = loadObject(counterObject(), { constants: { slots: 2 } })
  assert.equal(unknown.ok ? '' : unknown.error.object, 'constant slots of counter')
})

test('a kernel function that is missing is no error until it is called', (t) => {
  const called = loadObject(counterObject(), { constants: { use_missing: 1 }, programs: ['count_one'] })
  assert.match(called.ok ? '' : called.error.next, /invalid kernel function call/)
  const question = u64(0n, 0n, 0n, 2n)
  assert.equal(must(runSyscallProgram(loadCounter(t).program('asked').fd, question)), 3)
  assert.equal(question.readBigUInt64LE(0), 1n, 'bpf_skb_ct_lookup is known')
  assert.equal(question.readBigUInt64LE(8), 0n, 'podlane_no_such_function is not')
  assert.equal(question.readBigUInt64LE(24), 30n, 'out of a constant table')
  const offset = Number(question.readBigUInt64LE(16))
  assert.ok(offset > 0 && offset < 512, `nf_conn.status at byte ${offset} of the kernel's own`)
})

test('maps that are there already are used, and refused if their layout differs', (t) => {
  const first = loadCounter(t)
  const second = loadCounter(t, { maps: first.maps })
  must(runOnPacket(first.program('count_one').fd, { packet: FRAME }))
  must(runOnPacket(second.program('count_one').fd, { packet: FRAME }))
  assert.deepEqual(counted(first, 1), [2n, 200n])
  const spec = { name: 'counts', type: MAP.HASH, keySize: 4, valueSize: 8, maxEntries: 64, flags: 0 }
  const other = must(createMap(spec))
  t.after(() => other.close())
  const refused = loadObject(counterObject(), { maps: new Map([['counts', other]]) })
  assert.equal(refused.ok ? '' : refused.error.found, 'valueSize 8 instead of 16')
})

test('run times are counted while statistics are on', (t) => {
  const program = loadCounter(t).program('count_one')
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

const refused = compile('refused')
const refusal = (name: string) => {
  const result = loadObject(refused, { programs: [name] })
  return result.ok ? '' : `${result.error.found}\n${result.error.next}`
}

test('a fault quotes the end of the verifier’s log with the line of C', () => {
  const words = refusal('unchecked')
  assert.match(words, /EACCES/)
  assert.match(words, /return \*number; \/\* may be NULL \*\//)
  assert.match(words, /invalid mem access 'map_value_or_null'/)
})

test('what the loader does not take is named', () => {
  assert.match(refusal('calls_nobody'), /a call of nobody_has_this, which this kernel does not have/)
  assert.match(refusal('takes_variable'), /the variable jiffies_of_old of the kernel/)
  assert.match(refusal('asks_for_type'), /CO-RE relocation of kind 8/)
  assert.match(refusal('elsewhere'), /^xdp/)
})
