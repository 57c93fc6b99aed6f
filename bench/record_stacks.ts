// Records kernel stacks of traffic over each path, as fixtures of the stage table's tests: «stage samples leaf caller …»
// a line, the most frequent first, the stage as the table has it now: to be read by a person before it is committed.
// Options: --ms (400), --lines (100), --hz (1997), --candidates.

import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { must } from '../src/base/result.ts'
import { functionNames } from '../src/kernel/kallsyms.ts'
import { classify } from '../src/observe/profile/classify.ts'
import { FunctionTable } from '../src/observe/profile/function_table.ts'
import { type Sampler, startSampler } from '../src/observe/profile/sampler.ts'
import { enterSandbox, option, textOption } from './lib/sandbox.ts'
import { type Kind, measureTraffic } from './lib/traffic.ts'
import { type Candidate, makeCandidates } from './paths_candidates.ts'

const FOLDER = fileURLToPath(new URL('../src/observe/profile/testing/stacks/', import.meta.url))
const KINDS: readonly Kind[] = ['rr', 'crr', 'udp', 'stream']
const MOST_FOREIGN = 12
const functionTable = new FunctionTable()
const CORE = cpus().length - 1

enterSandbox()
const names = textOption('candidates')?.split(',') ?? [
  'node',
  'fast-direct',
  'fast-vxlan',
  'plain-direct',
  'plain-vxlan',
  'flannel',
]
const candidates = await makeCandidates(names)
// New pods get their programs when no ADD waits.
await sleep(1_000)
const sampler = must(startSampler(option('hz', 1997)))
mkdirSync(FOLDER, { recursive: true })
for (const candidate of candidates) {
  const lines = await record(sampler, candidate)
  writeFileSync(`${FOLDER}${candidate.name}.txt`, `${lines.join('\n')}\n`)
  console.error(`${candidate.name}: ${lines.length} stacks`)
}
process.exit(0)

async function record(from: Sampler, { ends }: Candidate): Promise<string[]> {
  const stacks = new Map<string, { addresses: number[]; samples: number }>()
  from.drain(() => {})
  for (const kind of KINDS) {
    measureTraffic(kind, ends, option('ms', 400), [CORE, CORE])
    must(
      from.drain((found, frames, samples) => {
        const addresses = [...found.subarray(0, frames)]
        const known = stacks.get(addresses.join())
        if (known) known.samples += samples
        else stacks.set(addresses.join(), { addresses, samples })
      }),
    )
  }
  return text([...stacks.values()])
}

async function text(stacks: readonly { addresses: number[]; samples: number }[]): Promise<string[]> {
  const all = [...new Set(stacks.flatMap((s) => s.addresses))]
  const functions = must(await functionNames(all))
  const nameOf = new Map(all.map((address, i) => [address, functions[i] ?? '']))
  const samples = new Map<string, number>()
  for (const stack of stacks) {
    const key = stack.addresses.map((a) => nameOf.get(a)).join(' ')
    samples.set(key, (samples.get(key) ?? 0) + stack.samples)
  }
  const lines = [...samples]
    .sort(([, a], [, b]) => b - a)
    .map(([stack, count]) => `${verdictOf(stack.split(' '))} ${count} ${stack}`)
  const isForeign = (line: string): boolean => line.startsWith('elsewhere ')
  return [
    ...lines.filter((l) => !isForeign(l)).slice(0, option('lines', 100)),
    // Of what else the machine does a few.
    ...lines.filter(isForeign).slice(0, MOST_FOREIGN),
  ]
}

function verdictOf(stack: readonly string[]): string {
  const verdict = classify((i) => functionTable.wordOf(stack[i] ?? ''), stack.length)
  return verdict.kind === 'packet' ? verdict.stage : verdict.kind
}
