// A CNI runtime as the specification describes it: takes the first configuration list of the node's folder and runs
// every plugin of it, in order for ADD, in reverse for DEL, with capabilities and results handed on.

import { spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as v from 'valibot'
import { fault, ok, type Result } from '../../base/result.ts'

/** What this runtime speaks, newest first. */
const VERSIONS = ['1.1.0', '1.0.0', '0.4.0', '0.3.1']

const pluginSchema = v.looseObject({
  type: v.string(),
  capabilities: v.optional(v.record(v.string(), v.boolean()), {}),
})
const listSchema = v.looseObject({
  name: v.string(),
  cniVersion: v.optional(v.string()),
  cniVersions: v.optional(v.array(v.string()), []),
  disableCheck: v.optional(v.boolean()),
  plugins: v.pipe(v.array(pluginSchema), v.minLength(1)),
})
type Plugin = v.InferOutput<typeof pluginSchema>
export type ConfigList = {
  readonly name: string
  readonly version: string
  readonly plugins: readonly Plugin[]
  readonly file: string
}

export type Attachment = {
  readonly containerId: string
  readonly ifName: string
  /** Path, as the node sees it. */
  readonly netns: string
  readonly args: Readonly<Record<string, string>>
  readonly capabilities: Readonly<Record<string, unknown>>
}

export type CniResult = { readonly addresses: readonly string[]; readonly raw: unknown }

const resultSchema = v.looseObject({ ips: v.optional(v.array(v.looseObject({ address: v.string() })), []) })

export type CniFolders = { readonly config: string; readonly programs: string }

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
  const { name, plugins, cniVersion = '0.3.1', cniVersions } = parsed.output
  const version = VERSIONS.find((known) => known === cniVersion || cniVersions.includes(known))
  if (version === undefined) return missing(`${file} of version ${cniVersion}`)
  return ok({ name, plugins, version, file: path })
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

export async function checkNetwork(
  list: ConfigList,
  of: Attachment,
  result: CniResult,
  folders: CniFolders,
): Promise<Result<void>> {
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

type Verb = 'ADD' | 'DEL' | 'CHECK' | 'STATUS' | 'GC'

async function runPlugin(
  verb: Verb,
  list: ConfigList,
  plugin: Plugin,
  to: Attachment | undefined,
  prevResult: unknown,
  folders: CniFolders,
): Promise<Result<unknown>> {
  const wanted = Object.entries(to?.capabilities ?? {}).filter(([name]) => plugin.capabilities[name])
  const config = {
    ...plugin,
    cniVersion: list.version,
    name: list.name,
    ...(wanted.length > 0 ? { runtimeConfig: Object.fromEntries(wanted) } : {}),
    ...(prevResult === undefined ? {} : { prevResult }),
  }
  const { code, stdout, stderr } = await execute(
    join(folders.programs, plugin.type),
    environment(verb, to, folders),
    JSON.stringify(config),
  )
  const answer = parsed(stdout)
  if (code === 0) return ok(answer)
  const said = v.safeParse(v.looseObject({ code: v.number(), msg: v.string() }), answer)
  const found = said.success
    ? `code ${said.output.code}: ${said.output.msg} ${said.output.details ?? ''}`.trim()
    : `exit ${code}: ${(stderr || stdout).trim().slice(0, 300)}`
  return fault('cni', `CNI ${verb} by ${plugin.type}`, 'success', found, 'it is tried again')
}

/** Nothing but what the protocol names, and a PATH for plugins that call iptables. */
function environment(verb: Verb, to: Attachment | undefined, folders: CniFolders): Record<string, string> {
  const args = Object.entries({ IgnoreUnknown: '1', ...to?.args }).map(([key, value]) => `${key}=${value}`)
  return {
    CNI_COMMAND: verb,
    CNI_PATH: folders.programs,
    PATH: process.env.PATH ?? '/usr/sbin:/usr/bin:/sbin:/bin',
    ...(to
      ? {
          CNI_CONTAINERID: to.containerId,
          CNI_IFNAME: to.ifName,
          CNI_NETNS: to.netns,
          CNI_ARGS: args.join(';'),
        }
      : {}),
  }
}

type Executed = { readonly code: number; readonly stdout: string; readonly stderr: string }

function execute(file: string, env: Record<string, string>, stdin: string): Promise<Executed> {
  return new Promise((resolve) => {
    const child = spawn(file, { env, stdio: ['pipe', 'pipe', 'pipe'] })
    let stdout = ''
    let stderr = ''
    child.stdout.setEncoding('utf8').on('data', (part: string) => {
      stdout += part
    })
    child.stderr.setEncoding('utf8').on('data', (part: string) => {
      stderr += part
    })
    child.once('error', (error) => resolve({ code: 127, stdout, stderr: error.message }))
    child.once('close', (code) => resolve({ code: code ?? 128, stdout, stderr }))
    // A plugin that ends without reading its config says why in its exit code.
    child.stdin.on('error', () => {})
    child.stdin.end(stdin)
  })
}

function parsed(text: string): unknown {
  try {
    return text.trim() === '' ? undefined : JSON.parse(text)
  } catch {
    return undefined
  }
}
