// podman with its CNI backend on a node. It has no daemon: every command is a process of its own, and conmon stays.

import { type Cell, openCell, type RuntimeNode } from './cell.ts'
import type { Image } from './image.ts'
import type { Container, ContainerOptions, Runtime } from './runtime.ts'

// The limits: podman raises them to what root usually may, which fails without CAP_SYS_RESOURCE. The logs and events:
// journald need not be there. The storage driver copies instead of mounting overlays, which works on any machine.
const configuration = `
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
log_driver = "k8s-file"
[network]
network_backend = "cni"
network_config_dir = "/etc/cni/net.d"
cni_plugin_dirs = ["/opt/cni/bin", "/usr/lib/cni"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "none"
`
const storage = `
[storage]
driver = "vfs"
graphroot = "/var/lib/containers/storage"
runroot = "/run/containers/storage"
`
const env = { CONTAINERS_CONF: '/run/containers.conf', CONTAINERS_STORAGE_CONF: '/run/storage.conf' }

const startContainer = async (cell: Cell, image: Image, options: ContainerOptions): Promise<Container> => {
  const podman = (...argv: readonly string[]) => cell.run(['podman', ...argv], { env })
  const published = options.publish?.map(
    ({ hostPort, containerPort }) => `--publish=${hostPort}:${containerPort}`,
  )
  await podman(
    'run',
    '--detach',
    '--pull=never',
    `--name=${options.name}`,
    `--cgroup-parent=${cell.cgroup}`,
    '--cap-add=NET_RAW',
    ...(options.network === undefined ? [] : [`--network=${options.network}`]),
    ...(published ?? []),
    image.name,
    ...options.argv,
  )
  return {
    exec: (argv) => podman('exec', options.name, ...argv),
    remove: async () => {
      await podman('rm', '--force', '--time=0', options.name)
    },
  }
}

export const openPodman = async (node: RuntimeNode, image: Image): Promise<Runtime> => {
  const cell = await openCell(node, async ({ run, write }) => {
    await write(env.CONTAINERS_CONF, configuration)
    await write(env.CONTAINERS_STORAGE_CONF, storage)
    await run(['podman', 'load', '--quiet', '--input', image.archive], { env })
  })
  return {
    name: 'podman',
    start: (options) => startContainer(cell, image, options),
    close: cell.close,
  }
}
