// Numbers as a person reads them: few digits, a unit, a word where there is none.

/** A figure and its unit stay on one line. */
export const GAP = '\u00a0'

const UNITS_OF_TIME = [
  ['s', 1e9],
  ['ms', 1e6],
  ['µs', 1e3],
] as const

/** «870 ns», «1.42 µs», «13 s». */
export function timeText(ns: number): string {
  const [unit, size] = UNITS_OF_TIME.find(([, s]) => Math.abs(ns) >= s) ?? ['ns', 1]
  return `${digits(ns / size)}${GAP}${unit}`
}

export const microsecondsText = (us: number): string => timeText(us * 1e3)
export const millisecondsText = (ms: number): string => timeText(ms * 1e6)

/** «0.2 %», «37 %». */
export const shareText = (share: number): string => `${digits(share * 100)}${GAP}%`

/** «812», «12.4 k», «1.31 M». */
export function countText(count: number): string {
  if (Math.abs(count) >= 1e9) return `${digits(count / 1e9)}${GAP}G`
  if (Math.abs(count) >= 1e6) return `${digits(count / 1e6)}${GAP}M`
  if (Math.abs(count) >= 1e4) return `${digits(count / 1e3)}${GAP}k`
  return Number.isInteger(count) ? `${count}` : digits(count)
}

/** Three digits that count, without an exponent and without zeros at the end. */
export function digits(value: number): string {
  if (value === 0 || !Number.isFinite(value)) return value === 0 ? '0' : '–'
  const behind = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))))
  const text = value.toFixed(Math.min(behind, 4))
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text
}

/** «1 peer», «12 peers». */
export const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`
