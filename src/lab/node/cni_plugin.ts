// One call of one CNI plugin: environment, config on stdin, result or error object on stdout.

import { spawn } from 'node:child_process'
import { join } from 'node:path'
import * as v from 'valibot'
import { fault, ok, type Result } from '../../base/result.ts'

export const pluginSchema = v.looseObject({
  type: v.string(),
  capabilities: v.optional(v.record(v.string(), v.boolean()), {}),
})
export type Plugin = v.InferOutput<typeof pluginSchema>

export type ConfigList = {
  readonly name: string
  readonly version: string
  readonly plugins: readonly Plugin[]
  /** The list's author wants no CHECK. */
  readonly disableCheck: boolean
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

export type CniFolders = { readonly config: string; readonly programs: string }

export type Verb = 'ADD' | 'DEL' | 'CHECK' | 'STATUS' | 'GC'

/** What the plugin printed, parsed; a fault in its own words. */
export async function runPlugin(
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
