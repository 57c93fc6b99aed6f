// What a bench has to show: figures with spread and goal, on the terminal and as a file that README and docs quote.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus, release, totalmem } from 'node:os'
import { fileURLToPath } from 'node:url'
import type { Spread } from './statistics.ts'

export type Goal = { readonly atMost: number } | { readonly atLeast: number }
export type Figure = Spread & { readonly name: string; readonly unit: string; readonly goal?: Goal }

const RESULTS = fileURLToPath(new URL('../results/', import.meta.url))

export const single = (value: number): Spread => ({ value, q25: value, q75: value })

const isMet = (value: number, goal: Goal): boolean =>
  'atMost' in goal ? value <= goal.atMost : value >= goal.atLeast
const goalText = (goal: Goal): string => ('atMost' in goal ? `<= ${goal.atMost}` : `>= ${goal.atLeast}`)
const rounded = (value: number): number => Number(value.toPrecision(4))

/** What the figures depend on; no names and no paths of the machine. */
function machine(): Record<string, string | number> {
  const cores = cpus()
  const hypervisor = /^flags.*\bhypervisor\b/m.test(readFileSync('/proc/cpuinfo', 'utf8'))
  return {
    kernel: release(),
    cpu: `${cores[0]?.model ?? 'unknown'}${hypervisor ? ' (virtual machine)' : ''}`,
    cores: cores.length,
    'memory.gb': Math.round(totalmem() / 2 ** 30),
    node: process.version,
  }
}

/**
 * Prints the figures, with the goals that were missed; writes bench/results/NAME.json when they are all there.
 * @param isPrinted which of them, where they are too many for a terminal
 */
export function publish(
  bench: string,
  figures: readonly Figure[],
  complete = true,
  isPrinted: (figure: Figure) => boolean = () => true,
): void {
  if (complete) writeResult(bench, { figures: figures.map(rowOf) })
  printTable(
    ['figure', 'value', 'quartiles', 'unit', 'goal', ''],
    figures
      .filter(isPrinted)
      .map(rowOf)
      .map((r) => [
        r.name,
        String(r.value),
        r.q25 === r.q75 ? '' : `${r.q25} – ${r.q75}`,
        r.unit,
        r.goal ?? '',
        r.met === null ? '' : r.met ? 'met' : 'MISSED',
      ]),
  )
}

/** bench/results/NAME.json: what was measured, and on what. */
export function writeResult(name: string, content: Readonly<Record<string, unknown>>): void {
  mkdirSync(RESULTS, { recursive: true })
  const text = JSON.stringify({ bench: name, machine: machine(), ...content }, undefined, 2)
  writeFileSync(`${RESULTS}${name}.json`, `${text}\n`)
}

function rowOf({ name, value, q25, q75, unit, goal }: Figure) {
  return {
    name,
    value: rounded(value),
    q25: rounded(q25),
    q75: rounded(q75),
    unit,
    goal: goal ? goalText(goal) : null,
    met: goal ? isMet(value, goal) : null,
  }
}

/** Columns as wide as their widest cell; the first to the left, numbers to the right. */
export function printTable(head: readonly string[], rows: readonly (readonly string[])[]): void {
  const all = [head, ...rows]
  const widths = head.map((_, i) => Math.max(...all.map((row) => row[i]?.length ?? 0)))
  const line = (row: readonly string[]): string =>
    row
      .map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
      .join('  ')
      .trimEnd()
  console.log(`\n${line(head)}\n${widths.map((w) => '─'.repeat(w)).join('  ')}`)
  for (const row of rows) console.log(line(row))
}
