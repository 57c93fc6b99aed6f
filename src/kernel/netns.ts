// Network namespaces. A socket stays in the namespace where it was made, so entering is brief and synchronous: no
// await, Worker, spawn or async fs call inside, or a thread born there would stay in the pod's namespace for ever.

import { closeSync, mkdirSync, openSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { call, mustCall } from './syscalls.ts'

const CLONE_NEWNET = 0x40000000
const MS_BIND = 0x1000
const MNT_DETACH = 2
const OWN = '/proc/thread-self/ns/net'

const cString = (text: string): Buffer => Buffer.from(`${text}\0`)

/** An open descriptor of the namespace that a path (CNI_NETNS, /proc/PID/ns/net) names. */
export const openNetns = (path: string): number => openSync(path, 'r')

/** Runs `work` inside the namespace. If the way back fails the process ends: it must not live in a pod's namespace. */
export function withNetns<T>(fd: number, work: () => T): T {
  const home = openSync(OWN, 'r')
  try {
    mustCall('setns', fd, CLONE_NEWNET)
    try {
      return work()
    } finally {
      if (call('setns', home, CLONE_NEWNET) !== 0) process.abort()
    }
  } finally {
    closeSync(home)
  }
}

/** Runs `work` in a new namespace that ends with it. Same rules as `withNetns`. */
export function withScratchNetns<T>(work: () => T): T {
  const home = openSync(OWN, 'r')
  try {
    mustCall('unshare', CLONE_NEWNET)
    try {
      return work()
    } finally {
      if (call('setns', home, CLONE_NEWNET) !== 0) process.abort()
    }
  } finally {
    closeSync(home)
  }
}

/** Makes a namespace and binds it to `path`, as `ip netns add` does. */
export function createNetns(path: string): void {
  mkdirSync(dirname(path), { recursive: true })
  closeSync(openSync(path, 'wx', 0o600))
  const home = openSync(OWN, 'r')
  try {
    mustCall('unshare', CLONE_NEWNET)
    const bound = call('mount', cString(OWN), cString(path), cString('none'), MS_BIND, null)
    if (call('setns', home, CLONE_NEWNET) !== 0) process.abort()
    if (bound !== 0) {
      rmSync(path, { force: true })
      throw new Error(`binding a namespace to ${path}: errno ${-bound}`)
    }
  } finally {
    closeSync(home)
  }
}

/** Unbinds and removes; success too if there is none. */
export function removeNetns(path: string): void {
  call('umount2', cString(path), MNT_DETACH)
  rmSync(path, { force: true })
}

/** With a descriptor of the namespace at `path`, closed afterwards. */
export function withNetnsPath<T>(path: string, work: () => T): T {
  const fd = openNetns(path)
  try {
    return withNetns(fd, work)
  } finally {
    closeSync(fd)
  }
}
