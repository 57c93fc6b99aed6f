// Per-CPU map values: the kernel gives one slot, rounded up to eight bytes, for each CPU that could ever be there.

import { readFileSync } from 'node:fs'

let possible: number | undefined

/** It sizes every per-CPU value, and never changes while the kernel runs. */
export function possibleCpus(): number {
  possible ??= cpusIn('possible').length
  return possible
}

/** Numbers of the CPUs that run now. */
export const onlineCpus = (): readonly number[] => cpusIn('online')

/** `0-3` or `0,2-7`. */
const cpusIn = (file: 'possible' | 'online'): number[] =>
  readFileSync(`/sys/devices/system/cpu/${file}`, 'utf8')
    .trim()
    .split(',')
    .flatMap((range) => {
      const [from = '0', to = from] = range.split('-')
      return Array.from({ length: Number(to) - Number(from) + 1 }, (_, i) => Number(from) + i)
    })

export const perCpuStride = (valueSize: number): number => (valueSize + 7) & ~7

/** The sum of the 64-bit counter at byte `at` of every CPU's slot. */
export function sumPerCpu(value: Buffer, valueSize: number, at = 0): bigint {
  let sum = 0n
  for (let i = at; i + 8 <= value.length; i += perCpuStride(valueSize)) sum += value.readBigUInt64LE(i)
  return sum
}
