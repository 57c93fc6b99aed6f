// One run of a command on another kernel: an emulated machine (QEMU without KVM) whose root file system is this one's,
// read-only, with a layer in memory over it. A guest that leaves no exit code behind has failed.

import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeInitramfs } from './initramfs.ts'
import type { Kernel } from './kernels.ts'

export type GuestRun = {
  /** Undefined: the guest ended, or was ended, before its command. */
  readonly code: number | undefined
  /** What the command wrote, both streams. */
  readonly output: string
  /** What the kernel and the init said. */
  readonly console: string
  readonly seconds: number
}

export type GuestOptions = {
  /** From the start of the machine on: an emulated one is about ten times slower. */
  readonly timeoutMs: number
  readonly memoryMiB?: number
}

/** @param script for /bin/sh in the guest, as root; what it reads of this machine's files is what stands there now */
export async function runInGuest(kernel: Kernel, script: string, options: GuestOptions): Promise<GuestRun> {
  const folder = mkdtempSync(join(tmpdir(), 'podlane-guest-'))
  const shared = join(folder, 'shared')
  const started = Date.now()
  const clean = () => rmSync(folder, { recursive: true, force: true })
  process.once('exit', clean)
  try {
    mkdirSync(shared)
    writeFileSync(join(shared, 'command'), script)
    const initramfs = makeInitramfs(kernel, folder)
    const said = await machine(machineArguments(kernel, initramfs, shared, options), options.timeoutMs)
    const code = read(join(shared, 'code')).trim()
    return {
      code: /^\d+$/.test(code) ? Number(code) : undefined,
      output: read(join(shared, 'output')),
      console: said,
      seconds: (Date.now() - started) / 1000,
    }
  } finally {
    process.off('exit', clean)
    clean()
  }
}

function machineArguments(
  kernel: Kernel,
  initramfs: string,
  shared: string,
  options: GuestOptions,
): string[] {
  const share = (path: string, tag: string, more: string) =>
    `local,path=${path},mount_tag=${tag},security_model=none,multidevs=remap${more}`
  return [
    ...['-accel', 'tcg,thread=multi,tb-size=512', '-cpu', 'max', '-machine', 'q35'],
    ...['-m', `${options.memoryMiB ?? 1024}`, '-smp', '2'],
    ...['-nodefaults', '-no-user-config', '-display', 'none', '-monitor', 'none', '-no-reboot'],
    ...['-serial', 'stdio', '-kernel', kernel.image, '-initrd', initramfs],
    ...['-append', 'console=ttyS0 quiet panic=-1 mitigations=off nokaslr'],
    ...['-virtfs', share('/', 'root', ',readonly=on'), '-virtfs', share(shared, 'shared', '')],
  ]
}

/** Resolves with what came over the serial line, when the machine is off. */
function machine(argv: readonly string[], timeoutMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn('qemu-system-x86_64', argv, { stdio: ['ignore', 'pipe', 'pipe'] })
    let said = ''
    const hear = (piece: Buffer) => {
      said += piece
    }
    child.stdout.on('data', hear)
    child.stderr.on('data', hear)
    const late = setTimeout(() => {
      said += `\nended after ${timeoutMs / 1000} s\n`
      child.kill('SIGKILL')
    }, timeoutMs)
    const end = () => child.kill('SIGKILL')
    process.once('exit', end)
    child.on('error', reject)
    child.on('close', () => {
      clearTimeout(late)
      process.off('exit', end)
      resolve(said)
    })
  })
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
