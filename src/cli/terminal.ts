// How the command line looks: colour only where a person sees it, columns that line up, a failure in the words of
// its Fault and an exit code.

import { styleText } from 'node:util'
import { type Fault, faultText, type Result } from '../base/result.ts'

type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan'

/** Plain where stdout is no terminal or NO_COLOR is set. */
export const paint = (style: Style, text: string): string =>
  styleText(style, text, { stream: process.stdout })

/** The exit code of a failure; wrong usage is 2. */
export const FAILED = 1
export const USAGE = 2

export function print(text: string): void {
  process.stdout.write(text.endsWith('\n') ? text : `${text}\n`)
}

export const printJson = (value: unknown): void => print(JSON.stringify(value, undefined, 2))

export function printFault(fault: Fault): void {
  const stream = process.stderr
  process.stderr.write(`${styleText('red', 'podlane:', { stream })} ${faultText(fault)}\n`)
  process.exitCode = fault.kind === 'bad-option' ? USAGE : FAILED
}

/** The value, or undefined after the fault was printed. */
export function orPrint<T>(result: Result<T>): T | undefined {
  if (result.ok) return result.value
  printFault(result.error)
  return undefined
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what colours are made of
const COLOURS = /\u001b\[[0-9;]*m/g
const widthOf = (text: string): number => text.replace(COLOURS, '').length

/** Rows under a head, two spaces between columns. Cells may be coloured. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [head.map((h) => paint('dim', h)), ...rows]
  const widths = head.map((_, i) => Math.max(...all.map((row) => widthOf(row[i] ?? ''))))
  const line = (row: readonly string[]): string =>
    row.map((cell, i) => cell + ' '.repeat(Math.max(0, (widths[i] ?? 0) - widthOf(cell)))).join('  ')
  return all.map((row) => line(row).trimEnd()).join('\n')
}
