// The compiled test programs, and what several tests do with them.

import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { machine, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { must, type Result } from '../../../base/result.ts'
import { type BpfObject, readObjectFile } from '../object.ts'
import { type LoadedObject, type LoadOptions, loadObject } from '../program.ts'

export type Lifetime = { readonly after: (work: () => void) => void }

/** testing/NAME.bpf.c by the compiler and flags of the build. */
export function compile(name: string): BpfObject {
  const folder = mkdtempSync(join(tmpdir(), 'podlane-bpf-'))
  const source = fileURLToPath(new URL(`./${name}.bpf.c`, import.meta.url))
  const out = join(folder, `${name}.o`)
  const flags = ['-O2', '-g', '-target', 'bpf', '-mcpu=v3', '-Wall', '-Werror']
  try {
    execFileSync('clang-19', [...flags, `-I/usr/include/${machine()}-linux-gnu`, '-c', source, '-o', out])
    return must(readObjectFile(out))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

let compiled: BpfObject | undefined
export const counterObject = (): BpfObject => {
  compiled ??= compile('counter')
  return compiled
}

/** The counting programs, loaded until the test ends. */
export function loadCounter(t: Lifetime, options: LoadOptions = {}): LoadedObject {
  const loaded = must(loadObject(counterObject(), options))
  t.after(() => loaded.close())
  return loaded
}

export const u32 = (value: number): Buffer => {
  const out = Buffer.alloc(4)
  out.writeUInt32LE(value)
  return out
}
export const u64 = (...values: bigint[]): Buffer => {
  const out = Buffer.alloc(8 * values.length)
  for (const [i, value] of values.entries()) out.writeBigUInt64LE(value, i * 8)
  return out
}

/** Packets and bytes that the program counted under a number. */
export const counted = (loaded: LoadedObject, number: number): [bigint, bigint] | undefined => {
  const value = loaded.map('counts').lookup(u32(number))
  return value && [value.readBigUInt64LE(0), value.readBigUInt64LE(8)]
}

/** An Ethernet frame with the start of an IPv4 header: 100 bytes. */
export const FRAME = Buffer.concat([Buffer.alloc(12), Buffer.from([8, 0, 0x45]), Buffer.alloc(85)])

/** What was found instead; empty if there is no fault. */
export const foundInstead = (result: Result<unknown>): string => (result.ok ? '' : result.error.found)
