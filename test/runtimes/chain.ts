// What a container runtime's CNI library does with a conflist, and no more (specification 1.1, section 3): ADD in
// order, CHECK in order, DEL in reverse, each with the previous result and the capabilities that the plugin declares.

import type { Cell } from './cell.ts'
import { tryCommand } from './command.ts'
import type { Conflist, PluginConfig } from './network.ts'

export type CniResult = {
  readonly interfaces?: readonly { readonly name: string; readonly mac?: string; readonly sandbox?: string }[]
  readonly ips?: readonly { readonly address: string }[]
  readonly [key: string]: unknown
}

export type ChainCall = {
  readonly cell: Cell
  readonly conflist: Conflist
  readonly containerId: string
  readonly netns: string
  /** By capability: portMappings, bandwidth, mac … */
  readonly runtimeConfig: Readonly<Record<string, unknown>>
}

const pluginPath = '/opt/cni/bin:/usr/lib/cni'

const declared = (plugin: PluginConfig): readonly string[] => {
  const { capabilities } = plugin
  if (typeof capabilities !== 'object' || capabilities === null) return []
  return Object.entries(capabilities).flatMap(([name, wanted]) => (wanted === true ? [name] : []))
}

const callPlugin = async (
  verb: 'ADD' | 'CHECK' | 'DEL',
  { cell, conflist, containerId, netns, runtimeConfig }: ChainCall,
  plugin: PluginConfig,
  prevResult: CniResult | undefined,
): Promise<string> => {
  const { cniVersion, name } = conflist
  const asked = declared(plugin).flatMap((key) => (key in runtimeConfig ? [[key, runtimeConfig[key]]] : []))
  const { capabilities: _, ...config } = plugin
  const stdin = {
    ...config,
    cniVersion,
    name,
    ...(asked.length > 0 ? { runtimeConfig: Object.fromEntries(asked) } : {}),
    ...(prevResult === undefined ? {} : { prevResult }),
  }
  const env = {
    CNI_COMMAND: verb,
    CNI_CONTAINERID: containerId,
    CNI_NETNS: netns,
    CNI_IFNAME: 'eth0',
    CNI_PATH: pluginPath,
  }
  const program = ['sh', '-c', 'PATH="$CNI_PATH:$PATH" exec "$1"', 'sh', plugin.type]
  const { code, stdout, stderr } = await tryCommand(cell.enter(program), {
    env,
    input: JSON.stringify(stdin),
  })
  if (code !== 0) throw new Error(`${plugin.type} ${verb} exited with ${code}: ${stdout}${stderr}`)
  return stdout
}

/** The last plugin's result. */
export const addChain = async (call: ChainCall): Promise<CniResult> => {
  let result: CniResult | undefined
  for (const plugin of call.conflist.plugins) {
    result = JSON.parse(await callPlugin('ADD', call, plugin, result)) as CniResult
  }
  return result ?? {}
}

/** Without portmap: Debian's (1.1.1) demands IPv6 rules of a container that has no IPv6 address. */
export const checkChain = async (call: ChainCall, result: CniResult): Promise<void> => {
  for (const plugin of call.conflist.plugins) {
    if (plugin.type !== 'portmap') await callPlugin('CHECK', call, plugin, result)
  }
}

export const deleteChain = async (call: ChainCall, result: CniResult): Promise<void> => {
  for (const plugin of call.conflist.plugins.toReversed()) await callPlugin('DEL', call, plugin, result)
}
