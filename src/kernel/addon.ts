// The native addon, loaded once: system calls, pointers, memory maps and readiness of file descriptors.
// Beside the bundle in production, in dist/ when run from source.

import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

export type SysArgument = number | bigint | null | NodeJS.ArrayBufferView | ArrayBuffer

type Addon = {
  readonly sys: (nr: number, ...args: readonly SysArgument[]) => number | bigint
  readonly ptr: (buffer: NodeJS.ArrayBufferView | ArrayBuffer) => bigint
  readonly mmap: (
    fd: number,
    length: number,
    prot: number,
    flags: number,
    offset: number,
  ) => ArrayBuffer | number
  readonly poll: (fd: number, events: number, callback: (events: number) => void) => (() => void) | number
}

function load(): Addon {
  const candidates = ['./podlane.node', '../../dist/podlane.node'].map((p) =>
    fileURLToPath(new URL(p, import.meta.url)),
  )
  const path = candidates.find((p) => existsSync(p))
  if (!path)
    throw new Error(
      `the kernel addon is not built: none of ${candidates.join(', ')} exists; run «make build»`,
    )
  return createRequire(import.meta.url)(path) as Addon
}

const addon = load()

/** A buffer's address. Keep the buffer referenced for as long as the kernel may use the address. */
export const ptr = addon.ptr
export const mmap = addon.mmap

/** One system call: its value, or −errno. Values beyond 2^53 do not occur in the calls used here. */
export function sys(nr: number, ...args: readonly SysArgument[]): number {
  return Number(addon.sys(nr, ...args))
}

/** A stable pair of bits for `poll`; libuv's UV_READABLE and UV_WRITABLE. */
export const READABLE = 1
export const WRITABLE = 2

/** Calls back on the event loop while `fd` is ready (level-triggered). Returns the function that ends it. */
export function poll(fd: number, events: number, callback: (events: number) => void): () => void {
  const close = addon.poll(fd, events, callback)
  if (typeof close === 'number') throw new Error(`poll of fd ${fd}: errno ${-close}`)
  return close
}
