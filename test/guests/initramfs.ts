// The guest's first file system: busybox, the modules that 9p and overlay need, and an init that puts a writable layer
// over the host's root file system and runs the command there.

import { spawnSync } from 'node:child_process'
import { chmodSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Kernel } from './kernels.ts'

/** What the root file system needs; whatever else a test uses is loaded by name when it is asked for. */
const wanted = ['virtio_pci', '9pnet_virtio', '9p', 'overlay']
const unpackers: Readonly<Record<string, string>> = { xz: 'xz', zst: 'zstd', gz: 'gzip' }

/** Where the guest sees the folder that it shares with the host. */
export const SHARED_IN_GUEST = '/run/guest'

/** @returns the file made, in `folder` */
export function makeInitramfs(kernel: Kernel, folder: string): string {
  const root = join(folder, 'root')
  for (const name of ['bin', 'modules', 'proc', 'sys', 'dev', 'lower', 'layer', 'new'])
    mkdirSync(join(root, name), { recursive: true })
  copyFileSync('/bin/busybox', join(root, 'bin/busybox'))
  const names = loadOrder(kernel).map((path) => unpackModule(kernel, path, join(root, 'modules')))
  writeFileSync(join(root, 'init'), init(kernel, names))
  chmodSync(join(root, 'init'), 0o755)
  const file = join(folder, 'initramfs')
  const packed = spawnSync('sh', ['-c', `find . | cpio --quiet -o -H newc > '${file}'`], { cwd: root })
  if (packed.status !== 0) throw new Error(`cpio: ${packed.stderr.toString()}`)
  return file
}

/** Paths under the kernel's modules, each after those that it needs (modules.dep names all of them, deepest last). */
function loadOrder(kernel: Kernel): string[] {
  const needs = new Map<string, string[]>()
  for (const line of readFileSync(join(kernel.modules, 'modules.dep'), 'utf8').split('\n')) {
    const [path = '', after = ''] = line.split(':')
    needs.set(path, after.trim().split(' ').filter(Boolean).reverse())
  }
  const pathOf = (name: string) => [...needs.keys()].find((path) => basename(path).split('.')[0] === name)
  const paths = wanted.map(pathOf).filter((path) => path !== undefined)
  return [...new Set(paths.flatMap((path) => [...(needs.get(path) ?? []), path]))]
}

function unpackModule(kernel: Kernel, path: string, folder: string): string {
  const from = join(kernel.modules, path)
  const [name = '', , packing = ''] = basename(path).split('.')
  const program = unpackers[packing]
  const bytes = program
    ? spawnSync(program, ['-dc', from], { maxBuffer: 1 << 28 }).stdout
    : readFileSync(from)
  writeFileSync(join(folder, `${name}.ko`), bytes)
  return name
}

/** This checkout, without a slash at its end. */
const PROJECT = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '')

const NINE_P = 'trans=virtio,version=9p2000.L,msize=512000'

const init = (kernel: Kernel, modules: readonly string[]): string => `#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t devtmpfs devtmpfs /dev
for name in ${modules.join(' ')}; do insmod /modules/$name.ko || echo "init: no $name"; done
mount -t 9p -o ro,cache=loose,${NINE_P} root /lower
mount -t tmpfs tmpfs /layer
mkdir /layer/upper /layer/work
mount -t overlay -o lowerdir=/lower,upperdir=/layer/upper,workdir=/layer/work overlay /new
for dir in proc sys dev tmp run; do mkdir -p /new/$dir; done
mount -t proc proc /new/proc
mount -t sysfs sysfs /new/sys
mount -t bpf bpf /new/sys/fs/bpf
mount -t tracefs tracefs /new/sys/kernel/tracing
mount -t devtmpfs devtmpfs /new/dev
mkdir -p /new/dev/pts && mount -t devpts devpts /new/dev/pts
mkdir /project && mount --bind /new${PROJECT} /project
mount -t tmpfs -o mode=1777 tmpfs /new/tmp
mount -t tmpfs tmpfs /new/run
# It may stand under what these two have covered.
mkdir -p /new${PROJECT} && mount --bind /project /new${PROJECT}
mkdir -p ${`/new${SHARED_IN_GUEST}`} /new/lib/modules/${kernel.release}
mount -t 9p -o ${NINE_P} shared /new${SHARED_IN_GUEST}
mount --bind /new${kernel.modules} /new/lib/modules/${kernel.release}
ip link set lo up
hostname guest-${kernel.name}
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
cat >/new/run/second <<'SECOND'
/bin/sh ${SHARED_IN_GUEST}/command </dev/null >${SHARED_IN_GUEST}/output 2>&1
echo $? >${SHARED_IN_GUEST}/code
sync
/bin/busybox reboot -f
SECOND
# By this very process: where process 1 has its root, the kernel looks for modprobe.
exec chroot /new /bin/sh /run/second
`
