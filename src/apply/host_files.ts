// Drop-ins that keep the host's own network programs off Podlane's links and routes: systemd-networkd removes routes
// that it did not make, NetworkManager takes over links, udev gives them other MACs. Only where such a program is.

import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { fault, ok, type Result } from '../base/result.ts'
import { POD_LINK_PREFIX } from '../plan/ownership.ts'

export type HostFilesDone = {
  /** Files written or removed; those that were right already are not among them. */
  readonly changed: readonly string[]
  /** Files of that name that somebody else made: left alone. */
  readonly foreign: readonly string[]
  /** Commands by which the programs that run now read what changed. */
  readonly reload: readonly string[]
}

/** Its first line tells our files from others. */
const SIGN = '# Made by podlane install-cni; podlane uninstall-cni takes it away.'

type HostFile = {
  readonly path: string
  /** The program's own folder: without it nobody would read the file. */
  readonly home: string
  readonly lines: readonly string[]
  /** Exists while the program runs. */
  readonly running: string
  readonly reload: string
}

const LINKS = `${POD_LINK_PREFIX}*`
const networkd = {
  home: 'etc/systemd/network',
  running: 'run/systemd/netif',
  reload: 'systemctl restart systemd-networkd',
}

const files: readonly HostFile[] = [
  {
    ...networkd,
    path: 'etc/systemd/networkd.conf.d/10-podlane.conf',
    lines: ['[Network]', 'ManageForeignRoutes=no', 'ManageForeignRoutingPolicyRules=no'],
  },
  {
    ...networkd,
    path: 'etc/systemd/network/00-podlane.network',
    lines: ['[Match]', `Name=${LINKS}`, '', '[Link]', 'Unmanaged=yes'],
  },
  {
    // Read by udev, also where networkd does not run.
    home: networkd.home,
    path: 'etc/systemd/network/00-podlane.link',
    lines: ['[Match]', `OriginalName=${LINKS}`, '', '[Link]', 'MACAddressPolicy=none'],
    running: 'run/udev/control',
    reload: 'udevadm control --reload',
  },
  {
    home: 'etc/NetworkManager',
    path: 'etc/NetworkManager/conf.d/10-podlane.conf',
    // «+=»: a list that another file has begun goes on.
    lines: ['[keyfile]', `unmanaged-devices+=interface-name:${LINKS}`],
    running: 'run/NetworkManager',
    reload: 'systemctl reload NetworkManager',
  },
]

const content = (file: HostFile): string => `${[SIGN, ...file.lines].join('\n')}\n`

/** @param root `/`, or where a container has the host's file system */
export function writeHostFiles(root: string): Result<HostFilesDone> {
  return walk(root, (file, path, found) => {
    if (found === content(file) || !existsSync(join(root, file.home))) return false
    put(path, content(file))
    return true
  })
}

export function removeHostFiles(root: string): Result<HostFilesDone> {
  return walk(root, (_file, path, found) => {
    if (found === undefined) return false
    rmSync(path, { force: true })
    return true
  })
}

/** @param change says whether it changed the file; not called for a foreign one */
function walk(
  root: string,
  change: (file: HostFile, path: string, found: string | undefined) => boolean,
): Result<HostFilesDone> {
  const changed: string[] = []
  const foreign: string[] = []
  const reload = new Set<string>()
  for (const file of files) {
    const path = join(root, file.path)
    try {
      const found = existsSync(path) ? readFileSync(path, 'utf8') : undefined
      if (found !== undefined && !found.startsWith(SIGN)) foreign.push(path)
      else if (change(file, path, found)) {
        changed.push(path)
        if (existsSync(join(root, file.running))) reload.add(file.reload)
      }
    } catch (error) {
      if (!(error instanceof Error) || !('code' in error)) throw error
      return fault('io', path, 'to read and write it', error.message, 'correct the folder and try again')
    }
  }
  return ok({ changed, foreign, reload: [...reload] })
}

/** Whole or not there at any moment. The draft's name ends in nothing that these programs read. */
function put(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 })
  const draft = join(dirname(path), '.podlane.new')
  rmSync(draft, { force: true })
  const fd = openSync(draft, 'wx', 0o644)
  try {
    writeFileSync(fd, text)
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
  renameSync(draft, path)
}
