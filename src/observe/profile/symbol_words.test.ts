import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { must } from '../../base/result.ts'
import { FunctionTable } from './function_table.ts'
import { readSymbolWords } from './symbol_words.ts'

test('every instruction of a function is the function’s, beside others that mean the same and in another range', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'symbols-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'kallsyms')
  writeFileSync(
    file,
    `ffffffff81000100 T nobody_knows
ffffffff81000000 T nobody_either
ffff800012345600 t far_function\t[far]
ffffffff81000200 T ip_rcv
`,
  )
  const words = must(await readSymbolWords(new FunctionTable(), file))
  // As kernelAddress: the distance from 0xffff000000000000.
  const [near, far] = [0xffff_8100_0000, 0x8000_1234_5600]
  assert.deepEqual(
    [near, near + 0xff, near + 0x100, near + 0x1f3, near + 0x204, far + 8, far - 1].map((a) =>
      words.functionAt(a),
    ),
    [near, near, near + 0x100, near + 0x100, near + 0x200, far, far - 1],
  )
  assert.equal(words.wordAt(near + 4), words.wordAt(near + 0x104))
  assert.notEqual(words.wordAt(near + 0x204), words.wordAt(near + 4))
})
