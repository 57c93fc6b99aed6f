// A pod network over two nodes, as the scenario sees it: Podlane, or the bridge that it is compared with.

import type { RuntimeNode } from './cell.ts'
import { runCommand } from './command.ts'

/** One entry of a conflist, without what the runtime adds. */
export type PluginConfig = { readonly type: string; readonly [key: string]: unknown }

export type PodNetworkUnderTest = {
  readonly name: string
  readonly nodes: readonly [RuntimeNode, RuntimeNode]
  /** The conflist entries that make this network on the node; others may follow in a chain. */
  readonly plugins: (node: RuntimeNode) => readonly PluginConfig[]
  /** Whether it takes the capability `mac` itself. */
  readonly honoursMac: boolean
  /** The container addresses in use on the node by the network's own account. */
  readonly addresses: (node: RuntimeNode) => Promise<readonly string[]>
  readonly close: () => Promise<void>
}

export type Conflist = {
  readonly cniVersion: string
  readonly name: string
  readonly plugins: readonly PluginConfig[]
}

export const conflistFolder = '/etc/cni/net.d'

export const writeConflist = async (node: RuntimeNode, file: string, conflist: Conflist): Promise<void> => {
  const path = `${conflistFolder}/${file}`
  await runCommand(node.enter(['sh', '-c', 'cat >"$1"', 'sh', path]), { input: JSON.stringify(conflist) })
}

export const removeConflist = async (node: RuntimeNode, file: string): Promise<void> => {
  await runCommand(node.enter(['rm', `${conflistFolder}/${file}`]))
}

/**
 * What containers can leave on a node: links, routes, and DNAT rules of the portmap plugin. IPv6 routes of links
 * come and go with carrier and duplicate detection, so they say nothing.
 */
export const traces = async (node: RuntimeNode): Promise<string> => {
  const script = `
    ip -o link | cut -d' ' -f2 | sort
    ip -4 route show table all | sed 's/ linkdown//' | sort
    ip -6 route show table all | grep -v -e 'dev lo' -e fe80: -e ff00: | sort
    iptables -w -t nat -S | grep CNI-DN- || true`
  return runCommand(node.enter(['sh', '-c', script]))
}
