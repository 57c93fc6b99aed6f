// A CNI runtime as the specification describes it: takes the first configuration list of the node's folder and runs
// every plugin of it, in order for ADD, in reverse for DEL, with capabilities and results handed on.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as v from 'valibot'
import { fault, ok, type Result } from '../../base/result.ts'
import { type Attachment, type CniFolders, type ConfigList, pluginSchema, runPlugin } from './cni_plugin.ts'

/** What this runtime speaks, newest first. */
const VERSIONS = ['1.1.0', '1.0.0', '0.4.0', '0.3.1']

const listSchema = v.looseObject({
  name: v.string(),
  cniVersion: v.optional(v.string()),
  cniVersions: v.optional(v.array(v.string()), []),
  disableCheck: v.optional(v.boolean(), false),
  plugins: v.pipe(v.array(pluginSchema), v.minLength(1)),
})

export type CniResult = { readonly addresses: readonly string[]; readonly raw: unknown }

const resultSchema = v.looseObject({ ips: v.optional(v.array(v.looseObject({ address: v.string() })), []) })

/** The list whose file name sorts first, as libcni and containerd take it. */
export function readConfigList(folders: CniFolders): Result<ConfigList> {
  const missing = (found: string): ReturnType<typeof fault> =>
    fault('no-network', folders.config, 'a network configuration list', found, 'run «podlane install-cni»')
  const [file] = namesIn(folders.config)
    .filter((name) => name.endsWith('.conflist'))
    .sort()
  if (file === undefined) return missing('none')
  const path = join(folders.config, file)
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), listSchema), readFileSync(path, 'utf8'))
  if (!parsed.success) return missing(`${file}: ${parsed.issues[0].message}`)
  const { name, plugins, disableCheck, cniVersion = '0.3.1', cniVersions } = parsed.output
  const version = VERSIONS.find((known) => known === cniVersion || cniVersions.includes(known))
  if (version === undefined) return missing(`${file} of version ${cniVersion}`)
  return ok({ name, plugins, version, disableCheck, file: path })
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

/** Undoes what was done when a plugin refuses. */
export async function addNetwork(
  list: ConfigList,
  to: Attachment,
  folders: CniFolders,
): Promise<Result<CniResult>> {
  let previous: unknown
  for (const plugin of list.plugins) {
    const answer = await runPlugin('ADD', list, plugin, to, previous, folders)
    if (!answer.ok) {
      await delNetwork(list, to, undefined, folders)
      return answer
    }
    previous = answer.value
  }
  const result = v.parse(resultSchema, previous ?? {})
  return ok({ addresses: result.ips.map((ip) => ip.address.split('/')[0] ?? ''), raw: previous })
}

/** Goes on after a refusal; the first one is the answer. */
export async function delNetwork(
  list: ConfigList,
  from: Attachment,
  result: CniResult | undefined,
  folders: CniFolders,
): Promise<Result<void>> {
  let first: Result<void> = ok(undefined)
  for (const plugin of list.plugins.toReversed()) {
    const answer = await runPlugin('DEL', list, plugin, from, result?.raw, folders)
    if (!answer.ok && first.ok) first = answer
  }
  return first
}

/** Whether everything still stands as the last ADD left it. */
export async function checkNetwork(
  list: ConfigList,
  of: Attachment,
  result: CniResult,
  folders: CniFolders,
): Promise<Result<void>> {
  if (list.disableCheck || list.version === '0.3.1') return ok(undefined)
  for (const plugin of list.plugins) {
    const answer = await runPlugin('CHECK', list, plugin, of, result.raw, folders)
    if (!answer.ok) return answer
  }
  return ok(undefined)
}

/** Whether pods can be made. A list from before 1.1 cannot be asked: it is there, so it is ready. */
export async function networkStatus(list: ConfigList, folders: CniFolders): Promise<Result<void>> {
  if (list.version !== '1.1.0') return ok(undefined)
  for (const plugin of list.plugins) {
    const answer = await runPlugin('STATUS', list, plugin, undefined, undefined, folders)
    if (!answer.ok) return answer
  }
  return ok(undefined)
}

/** Everything of the network that is not in the list goes. */
export async function collectGarbage(
  list: ConfigList,
  valid: readonly { readonly containerId: string; readonly ifName: string }[],
  folders: CniFolders,
): Promise<Result<void>> {
  if (list.version !== '1.1.0') return ok(undefined)
  const attachments = valid.map((a) => ({ containerID: a.containerId, ifname: a.ifName }))
  for (const plugin of list.plugins) {
    const keyed = { ...plugin, 'cni.dev/valid-attachments': attachments }
    const answer = await runPlugin('GC', list, keyed, undefined, undefined, folders)
    if (!answer.ok) return answer
  }
  return ok(undefined)
}
