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

/**
 * The sum of the 64-bit counter at byte `at` of every CPU's slot; beyond 2^53 it is rounded. Without big integers: each
 * is an object, and a report of a thousand peers sums tens of thousands.
 * @param end of the value, where several stand in one buffer
 */
export function sumPerCpu(value: Buffer, valueSize: number, at = 0, end = value.length): number {
  const stride = perCpuStride(valueSize)
  let sum = 0
  for (let i = at; i + 8 <= end; i += stride)
    sum += value.readUInt32LE(i) + value.readUInt32LE(i + 4) * 2 ** 32
  return sum
}
