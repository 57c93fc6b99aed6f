// containerd on a node, asked through `ctr run --cni`, which takes the first conflist in /etc/cni/net.d and the
// programs in /opt/cni/bin, and offers no choice in either.

import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { type Cell, openCell, type RuntimeNode } from './cell.ts'
import { startCommand, tryCommand, waitFor } from './command.ts'
import type { Image } from './image.ts'
import type { Container, ContainerOptions, Runtime } from './runtime.ts'

// The plugins left out need devices or services that a test machine need not have; the opt plugin would make a
// folder in /opt.
const configuration = `
version = 2
disabled_plugins = [
  "io.containerd.grpc.v1.cri",
  "io.containerd.internal.v1.opt",
  "io.containerd.snapshotter.v1.aufs",
  "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs",
]
`
const configPath = '/run/containerd.toml'
const snapshotter = '--snapshotter=native'

const startContainer = async (cell: Cell, image: Image, options: ContainerOptions): Promise<Container> => {
  const { name } = options
  // In the foreground: detached, `ctr run --cni` calls no DEL, neither then nor at removal.
  const child = startCommand(
    cell.enter([
      'ctr',
      'run',
      '--rm',
      '--cni',
      snapshotter,
      `--cgroup=${cell.cgroup}/${name}`,
      image.name,
      name,
      ...options.argv,
    ]),
  )
  const gone = once(child, 'exit')
  const said = text(child.stderr)
  await waitFor(`container ${name} to run`, async () => {
    if (child.exitCode !== null)
      throw new Error(`ctr run ${name} exited with ${child.exitCode}: ${await said}`)
    const tasks = await cell.run(['ctr', 'task', 'ls'])
    return new RegExp(`^${name} .*RUNNING`, 'm').test(tasks) ? true : undefined
  })
  let execs = 0
  return {
    exec: (argv) => {
      execs += 1
      return cell.run(['ctr', 'task', 'exec', `--exec-id=exec-${execs}`, name, ...argv])
    },
    remove: async () => {
      await cell.run(['ctr', 'task', 'kill', '--signal=SIGKILL', name])
      await gone
      // 137 is the container's own code, killed as asked; anything else is ctr's complaint, a failed DEL for one.
      if (child.exitCode !== 137)
        throw new Error(`ctr run ${name} exited with ${child.exitCode}: ${await said}`)
    },
  }
}

const startDaemon = async (cell: Cell): Promise<void> => {
  await cell.write(configPath, configuration)
  const daemon = startCommand(cell.enter(['containerd', '--config', configPath, '--log-level=warn']))
  const said = text(daemon.stderr)
  await waitFor('containerd to answer', async () => {
    if (daemon.exitCode !== null) throw new Error(`containerd exited with ${daemon.exitCode}: ${await said}`)
    const { code } = await tryCommand(cell.enter(['ctr', 'version']))
    return code === 0 ? true : undefined
  })
}

export const openContainerd = async (node: RuntimeNode, image: Image): Promise<Runtime> => {
  const cell = await openCell(node, async (opening) => {
    await startDaemon(opening)
    await opening.run(['ctr', 'images', 'import', snapshotter, image.archive])
  })
  return { name: 'containerd', start: (options) => startContainer(cell, image, options), close: cell.close }
}
