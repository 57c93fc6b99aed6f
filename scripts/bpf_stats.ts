// A table of the BPF programs in dist/bpf, as this kernel takes them with all constants as they stand in C: what
// `make bpf-stats` prints. Folders or constants of another kind: `bpf_stats.ts FOLDER NAME=VALUE …`.

import { readdirSync } from 'node:fs'
import { must } from '../src/base/result.ts'
import { KernelBtf } from '../src/kernel/bpf/kernel_btf.ts'
import { readObjectFile } from '../src/kernel/bpf/object.ts'
import { loadObject } from '../src/kernel/bpf/program.ts'
import { programInfo } from '../src/kernel/bpf/program_info.ts'

const [folder = 'dist/bpf', ...settings] = process.argv.slice(2)
const wanted = new Map(
  settings.map((s): [string, number] => [s.split('=')[0] ?? '', Number(s.split('=')[1])]),
)

const columns = ['object', 'program', 'instructions', 'verified', 'machine code'] as const
const kernel = new KernelBtf()
const rows: string[][] = []
for (const file of readdirSync(folder).sort()) {
  if (!file.endsWith('.o')) continue
  const object = must(readObjectFile(`${folder}/${file}`))
  const known = object.data.flatMap((d) => (d.constant ? d.variables.map((v) => v.name) : []))
  const constants = Object.fromEntries([...wanted].filter(([name]) => known.includes(name)))
  const loaded = must(loadObject(object, { kernel, constants }))
  for (const program of loaded.programs.values()) {
    const info = programInfo(program.fd)
    rows.push([
      object.name,
      program.name,
      `${info.translatedBytes / 8}`,
      `${info.verifiedInstructions}`,
      `${info.jitedBytes} B`,
    ])
  }
  loaded.close()
}
kernel.close()

const widths = columns.map((c, i) => Math.max(c.length, ...rows.map((r) => r[i]?.length ?? 0)))
for (const row of [columns, ...rows])
  console.log(
    row
      .map((cell, i) => (i < 2 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
      .join('  ')
      .trimEnd(),
  )
