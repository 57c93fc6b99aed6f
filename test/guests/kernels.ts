// The kernels of the guests as `scripts/guest-kernels.sh` has left them, and each one's uncompressed image, which QEMU
// starts without a firmware (PVH): in an emulated machine the kernel's own unpacking would take longer than its boot.

import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const store = fileURLToPath(new URL('../../dist/guests/kernels/', import.meta.url))

export type Kernel = {
  /** As `scripts/guest-kernels.sh` names it: `6.12`. */
  readonly name: string
  /** What `uname -r` says in the guest. */
  readonly release: string
  /** The uncompressed ELF image. */
  readonly image: string
  /** Holds `modules.dep`; to be seen as /lib/modules/RELEASE. */
  readonly modules: string
}

/** Oldest first. */
export function storedKernels(): readonly Kernel[] {
  if (!existsSync(store)) return []
  const names = readdirSync(store).filter((name) => existsSync(join(store, name, 'vmlinuz')))
  return names.sort((a, b) => a.localeCompare(b, 'en', { numeric: true })).map(kernelNamed)
}

function kernelNamed(name: string): Kernel {
  const [release = ''] = readdirSync(join(store, name, 'lib/modules'))
  const image = join(store, name, 'vmlinux')
  if (!existsSync(image)) {
    writeFileSync(`${image}.new`, unpacked(readFileSync(join(store, name, 'vmlinuz'))))
    renameSync(`${image}.new`, image)
  }
  return { name, release, image, modules: join(store, name, 'lib/modules', release) }
}

const SECTOR = 512
/** First bytes of what a kernel is packed with, and the program that unpacks it. */
const packings = [
  { magic: Buffer.from('fd377a585a00', 'hex'), program: 'xz' },
  { magic: Buffer.from('28b52ffd', 'hex'), program: 'zstd' },
  { magic: Buffer.from('1f8b08', 'hex'), program: 'gzip' },
]

/** The ELF image inside a bzImage: its header tells where (Documentation/arch/x86/boot.rst, `payload_offset`). */
function unpacked(bzImage: Buffer): Buffer {
  const setupSectors = bzImage.readUInt8(0x1f1)
  const start = (setupSectors + 1) * SECTOR + bzImage.readUInt32LE(0x248)
  // The last four bytes are the unpacked size, which the programs would take for rubbish.
  const payload = bzImage.subarray(start, start + bzImage.readUInt32LE(0x24c) - 4)
  const packing = packings.find((p) => payload.subarray(0, p.magic.length).equals(p.magic))
  if (!packing) throw new Error(`a kernel packed by nothing known: ${payload.toString('hex', 0, 6)}`)
  const { stdout, stderr } = spawnSync(packing.program, ['-dc'], { input: payload, maxBuffer: 1 << 30 })
  if (stdout.subarray(1, 4).toString() !== 'ELF') throw new Error(`${packing.program}: ${stderr.toString()}`)
  return stdout
}
