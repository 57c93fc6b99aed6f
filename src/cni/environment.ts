// The CNI_ variables of one call, parsed: which verb, which attachment, which pod. What a verb needs and does not
// get, or gets malformed, is CNI code 4 with the variables' names.

import { err, ok, type Result } from '../base/result.ts'
import { type CniError, codes, failure, shown } from './errors.ts'

export const commands = ['ADD', 'DEL', 'CHECK', 'STATUS', 'GC', 'VERSION'] as const
export type Command = (typeof commands)[number]

export type Environment = {
  readonly command: Command
  /** Empty for STATUS, GC and VERSION. */
  readonly containerId: string
  readonly ifName: string
  /** The path as the runtime wrote it; empty where it gave none. Only for results, never opened here. */
  readonly netnsPath: string
  /** CNI_ARGS, as written. */
  readonly args: ReadonlyMap<string, string>
}

/** The specification's pattern for container IDs and network names. */
const namePattern = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/
/** Longer IDs would not fit the marker's file name; runtimes use 64. */
const longestId = 200
const podKeys = ['K8S_POD_NAMESPACE', 'K8S_POD_NAME', 'K8S_POD_UID']

const required: { readonly [C in Command]: readonly string[] } = {
  ADD: ['CNI_CONTAINERID', 'CNI_NETNS', 'CNI_IFNAME'],
  DEL: ['CNI_CONTAINERID', 'CNI_IFNAME'],
  CHECK: ['CNI_CONTAINERID', 'CNI_NETNS', 'CNI_IFNAME'],
  STATUS: [],
  GC: [],
  VERSION: [],
}

export const isName = (text: string): boolean => namePattern.test(text) && text.length <= longestId

/** The kernel's rules (dev_valid_name), printable ASCII, and no `%`, which the kernel would take for a pattern. */
export const isInterfaceName = (text: string): boolean =>
  /^[!-~]{1,15}$/.test(text) && !/[/:%]/.test(text) && text !== '.' && text !== '..'

/** `KEY=VALUE` entries each ended by a NUL, as in the kernel's own environment block. */
export function parseEnvironment(block: Uint8Array): Result<Environment, CniError> {
  const variables = variablesOf(block)
  if (!variables)
    return failure(codes.environment, 'CNI_ variables are not UTF-8', 'correct CNI_ARGS or CNI_NETNS')
  const given = variables.get('CNI_COMMAND') ?? ''
  const command = commands.find((c) => c === given)
  if (!command)
    return failure(
      codes.environment,
      given ? `CNI_COMMAND ${shown(given)} is unknown` : 'CNI_COMMAND is missing',
      `want one of ${commands.join(', ')}`,
    )
  const missing = required[command].filter((name) => !variables.get(name))
  if (missing.length > 0)
    return failure(codes.environment, `missing ${missing.join(', ')}`, `${command} needs them all`)
  const wrong = required[command].length > 0 ? wrongNames(variables) : []
  if (wrong.length > 0)
    return failure(
      codes.environment,
      `invalid ${wrong.join(', ')}`,
      wrong.map((w) => rules.get(w)).join('; '),
    )
  const args = parseArgs(variables.get('CNI_ARGS') ?? '')
  // DEL must go through whatever the arguments say: they decide nothing there.
  if (!args.ok && command !== 'DEL') return err(args.error)
  return ok({
    command,
    containerId: variables.get('CNI_CONTAINERID') ?? '',
    ifName: variables.get('CNI_IFNAME') ?? '',
    netnsPath: variables.get('CNI_NETNS') ?? '',
    args: args.ok ? args.value : new Map(),
  })
}

const rules: ReadonlyMap<string, string> = new Map([
  ['CNI_CONTAINERID', `a container ID matches ${namePattern.source} and has at most ${longestId} bytes`],
  ['CNI_IFNAME', 'an interface name has 1 to 15 printable ASCII characters without / : % and is not . or ..'],
])

function wrongNames(variables: ReadonlyMap<string, string>): readonly string[] {
  const wrong: string[] = []
  if (!isName(variables.get('CNI_CONTAINERID') ?? '')) wrong.push('CNI_CONTAINERID')
  if (!isInterfaceName(variables.get('CNI_IFNAME') ?? '')) wrong.push('CNI_IFNAME')
  return wrong
}

function variablesOf(block: Uint8Array): Map<string, string> | undefined {
  const variables = new Map<string, string>()
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(block)
  } catch {
    return undefined
  }
  for (const entry of text.split('\0')) {
    const equals = entry.indexOf('=')
    const name = entry.slice(0, Math.max(equals, 0))
    // As getenv does: of two equal names the first counts.
    if (name.startsWith('CNI_') && !variables.has(name)) variables.set(name, entry.slice(equals + 1))
  }
  return variables
}

/** `KEY=VALUE;KEY=VALUE`. Unknown keys are kept and harm nobody (IgnoreUnknown is thus always in force). */
function parseArgs(text: string): Result<ReadonlyMap<string, string>, CniError> {
  const args = new Map<string, string>()
  for (const pair of text.split(';')) {
    if (pair === '') continue
    const equals = pair.indexOf('=')
    if (equals < 1)
      return failure(
        codes.environment,
        `CNI_ARGS: ${shown(pair)} is no KEY=VALUE`,
        'want KEY=VALUE;KEY=VALUE',
      )
    args.set(pair.slice(0, equals), pair.slice(equals + 1))
  }
  const bad = podKeys.filter((key) => args.get(key) && !isPodWord(args.get(key) ?? ''))
  if (bad.length === 0) return ok(args)
  return failure(
    codes.environment,
    `CNI_ARGS: invalid ${bad.join(', ')}`,
    bad.map((k) => shown(args.get(k))).join(', '),
  )
}

const isPodWord = (text: string): boolean => namePattern.test(text) && text.length <= 253
