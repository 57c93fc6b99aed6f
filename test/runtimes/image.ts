// A container image of one static busybox, written by hand in the archive format of `docker save`, which podman and
// containerd both load: no registry, no build tool.

import { createHash } from 'node:crypto'
import { copyFile, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runCommand } from './command.ts'

export type Image = {
  readonly name: string
  readonly archive: string
  readonly close: () => Promise<void>
}

const architectures: Partial<Record<NodeJS.Architecture, string>> = { x64: 'amd64', arm64: 'arm64' }

const pack = (folder: string, archive: string): Promise<string> =>
  runCommand(['tar', '--owner=0', '--group=0', '--numeric-owner', '-C', folder, '-cf', archive, '.'])

export const buildImage = async (): Promise<Image> => {
  const work = await mkdtemp(join(tmpdir(), 'podlane-image-'))
  const root = join(work, 'root')
  const image = join(work, 'image')
  for (const folder of ['bin', 'dev', 'etc', 'proc', 'sys', 'tmp']) {
    await mkdir(join(root, folder), { recursive: true })
  }
  await mkdir(image)
  await copyFile('/usr/bin/busybox', join(root, 'bin/busybox'))
  await symlink('busybox', join(root, 'bin/sh'))
  const layer = join(image, 'layer.tar')
  await pack(root, layer)
  const digest = createHash('sha256')
    .update(await readFile(layer))
    .digest('hex')
  const name = 'localhost/podlane-test:1'
  const config = {
    architecture: architectures[process.arch] ?? process.arch,
    os: 'linux',
    config: { Env: ['PATH=/bin'] },
    rootfs: { type: 'layers', diff_ids: [`sha256:${digest}`] },
  }
  await writeFile(join(image, 'config.json'), JSON.stringify(config))
  const manifest = [{ Config: 'config.json', RepoTags: [name], Layers: ['layer.tar'] }]
  await writeFile(join(image, 'manifest.json'), JSON.stringify(manifest))
  const archive = join(work, 'image.tar')
  await pack(image, archive)
  return { name, archive, close: () => rm(work, { recursive: true }) }
}
