// Names and meanings of errno values, from Node's own table (`os.constants.errno`, libuv's texts).

import { getSystemErrorMap } from 'node:util'

const table = getSystemErrorMap()

export const EPERM = 1
export const ENOENT = 2
export const EINTR = 4
export const EAGAIN = 11
export const EACCES = 13
export const EEXIST = 17
export const ENODEV = 19
export const EINVAL = 22
export const ENOSPC = 28
export const EADDRINUSE = 98
export const EADDRNOTAVAIL = 99
export const ENOBUFS = 105
export const ESRCH = 3

/** `EEXIST (file already exists)` for 17. */
export function errnoName(errno: number): string {
  const entry = table.get(-errno)
  return entry ? `${entry[0]} (${entry[1]})` : `errno ${errno}`
}
