import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Btf, KIND } from './btf.ts'
import { findMember, KernelBtf } from './kernel_btf.ts'
import { counterObject } from './testing/counter.ts'

/** A BTF of these types, each by its words, and names. */
function btfBytes(types: readonly (readonly number[])[], names: string): Buffer {
  const words = types.flat()
  const header = [0, 0, 24, 0, words.length * 4, words.length * 4, names.length]
  const out = Buffer.alloc(24 + words.length * 4 + names.length)
  out.writeUInt32LE(0x0001eb9f, 0)
  for (const [i, word] of [...header.slice(2), ...words].entries()) out.writeUInt32LE(word, 4 + i * 4)
  out.write(names, 24 + words.length * 4, 'latin1')
  return out
}

test('the types of a module go on from those of the kernel', () => {
  const base = counterObject().btf
  const key = base.find(KIND.STRUCT, 'key') ?? assert.fail('no struct key')
  const names = '\0added\0inside\0'
  const start = base.endOfStrings
  const added = [start + 1, ((KIND.STRUCT << 24) | 1) >>> 0, 8, start + 7, key, 32]
  const renamed = [base.stringOffset('count') ?? 0, (KIND.TYPEDEF << 24) >>> 0, base.endId]
  const module = new Btf(btfBytes([added, renamed], names), base)
  assert.equal(module.find(KIND.STRUCT, 'added'), base.endId)
  assert.equal(module.find(KIND.STRUCT, 'key'), undefined, 'what the kernel has is not looked for here')
  assert.equal(module.find(KIND.TYPEDEF, 'count'), base.endId + 1, 'a name may stand in the kernel')
  const member = findMember(module, base.endId, 'inside') ?? assert.fail('no member')
  assert.equal(member.bitOffset, 32)
  assert.equal(module.size(member.type), 4)
  assert.equal(module.name(member.type), 'key')
})

test('the running kernel’s own types are found by name, and members in anonymous unions', () => {
  using kernel = new KernelBtf()
  const buffer = kernel.find(KIND.STRUCT, 'sk_buff') ?? assert.fail('no struct sk_buff')
  assert.equal(buffer.module, undefined)
  assert.equal(findMember(buffer.btf, buffer.id, 'next')?.bitOffset, 0)
  assert.ok(findMember(buffer.btf, buffer.id, 'protocol'))
  assert.equal(kernel.find(KIND.FUNC, 'podlane_no_such_function'), undefined)
})
