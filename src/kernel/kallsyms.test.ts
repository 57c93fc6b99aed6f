import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { must } from '../base/result.ts'
import { functionNames, kernelAddress, readKallsyms } from './kallsyms.ts'

function fileOf(t: TestContext, text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'podlane-kallsyms-'))
  t.after(() => rmSync(folder, { recursive: true }))
  writeFileSync(join(folder, 'kallsyms'), text)
  return join(folder, 'kallsyms')
}

async function symbolsOf(path?: string): Promise<(readonly [address: number, name: string])[]> {
  const symbols: (readonly [number, string])[] = []
  must(
    await readKallsyms((address, bytes, from, to) => {
      symbols.push([address, bytes.toString('latin1', from, to)])
    }, path),
  )
  return symbols
}

const FIRST = kernelAddress(0x81000000, 0xffffffff)

test('functions of the kernel, of modules and of BPF programs are read; data and the room before functions are not', async (t) => {
  const path = fileOf(
    t,
    'ffffffff81000000 T _stext\nffffffff81000010 d some_data\nffffffff81000020 t __pfx_ip_rcv\n' +
      'ffffffff81000030 t ip_rcv\nffffffffc0000000 t vxlan_rcv\t[vxlan]\n' +
      'ffffffffc0001000 t bpf_prog_01e084918de69acf_uplink_ingress\t[bpf]\n',
  )
  assert.deepEqual(await symbolsOf(path), [
    [FIRST, '_stext'],
    [FIRST + 0x30, 'ip_rcv'],
    [kernelAddress(0xc0000000, 0xffffffff), 'vxlan_rcv'],
    [kernelAddress(0xc0001000, 0xffffffff), 'bpf_prog_01e084918de69acf_uplink_ingress'],
  ])
})

test('a line that lies across two pieces of the file is one line', async (t) => {
  const count = 5_000
  const lines = Array.from(
    { length: count },
    (_, i) => `${(0xffffffff81000000n + BigInt(i)).toString(16)} t f${i}\n`,
  )
  const symbols = await symbolsOf(fileOf(t, lines.join('')))
  assert.equal(symbols.length, count)
  assert.ok(symbols.every(([address, name], i) => address === FIRST + i && name === `f${i}`))
})

test('hidden addresses are a fault that names the setting', async (t) => {
  const read = await readKallsyms(
    () => {},
    fileOf(t, '0000000000000000 T _stext\n0000000000000000 t ip_rcv\n'),
  )
  assert.ok(!read.ok)
  assert.match(read.error.next, /kptr_restrict/)
})

test('an address is named after the last function that begins at or before it', async (t) => {
  const path = fileOf(t, 'ffffffff81000300 t third\nffffffff81000100 t first\nffffffff81000200 t second\n')
  const names = await functionNames([FIRST + 0x2ff, FIRST + 0x100, FIRST + 0x5000, FIRST], path)
  assert.deepEqual(must(names), ['second', 'first', 'third', `0x${FIRST.toString(16)}`])
})

test('this kernel’s own table has the functions that packets meet', async () => {
  const names = new Set((await symbolsOf()).map(([, name]) => name))
  for (const name of ['net_rx_action', 'ip_rcv', '__netif_receive_skb_one_core', 'tcp_sendmsg'])
    assert.ok(names.has(name), name)
})
