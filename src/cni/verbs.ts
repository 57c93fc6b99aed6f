// The six verbs of CNI over a pod network. All input and output of `handleCall` is in its arguments and its value;
// any bytes at all in a call end in a reply, and whatever is not a success in a CNI error object.

import { err, ok, type Result } from '../base/result.ts'
import type { CniCall, Reply } from './call.ts'
import { type Capabilities, parseCapabilities } from './capabilities.ts'
import { claimOf, isTaken, resultOf } from './chain.ts'
import { decodeConfig, type NetworkConfig, parseConfig, refuseDelegation, versionOf } from './config.ts'
import { type Environment, parseEnvironment } from './environment.ts'
import { type CniError, clipped, codes, errorOfFault, errorReply, failure } from './errors.ts'
import { openNamespace } from './namespace.ts'
import type { PodNetwork } from './network.ts'
import { type CniResult, formatResult, parseResult } from './result.ts'
import { atLeast, newestVersion, supportedVersions, unnamedVersion, type Version } from './versions.ts'

/** The inputs of one verb, parsed. */
type Request = {
  readonly call: CniCall
  readonly environment: Environment
  readonly config: NetworkConfig
  readonly network: PodNetwork
}

type Answer = Result<Reply, CniError>

export async function handleCall(call: CniCall, network: PodNetwork): Promise<Reply> {
  const environment = parseEnvironment(call.environment)
  const raw = decodeConfig(call.stdin)
  if (environment.ok && environment.value.command === 'VERSION')
    return jsonReply(versions(raw.ok ? raw.value.cniVersion : undefined))
  const version = raw.ok ? versionOf(raw.value) : ok(unnamedVersion)
  const spoken = version.ok ? version.value : newestVersion
  if (!environment.ok) return errorReply(environment.error, spoken)
  if (!raw.ok) return errorReply(raw.error, spoken)
  if (!version.ok) return errorReply(version.error, spoken)
  const config = parseConfig(raw.value, spoken)
  if (!config.ok) return errorReply(config.error, spoken)
  const request: Request = { call, environment: environment.value, config: config.value, network }
  const refusal = environment.value.command === 'ADD' ? refuseDelegation(raw.value) : undefined
  const answer = refusal ? err(refusal) : await run(request)
  return answer.ok ? answer.value : errorReply(answer.error, spoken)
}

async function run(request: Request): Promise<Answer> {
  const { command } = request.environment
  switch (command) {
    case 'ADD':
      return add(request)
    case 'DEL':
      return del(request)
    case 'CHECK':
      return since(request, '0.4.0') ?? check(request)
    case 'STATUS':
      return since(request, '1.1.0') ?? status(request)
    case 'GC':
      return since(request, '1.1.0') ?? gc(request)
    case 'VERSION':
      return ok(jsonReply(versions(request.config.version)))
  }
}

const silence: Reply = { exitCode: 0, stdout: '', undo: undefined }
const jsonReply = (json: object): Reply => ({ ...silence, stdout: `${JSON.stringify(json)}\n` })

/** A newer runtime asks in its own version: that is echoed, the list says what we speak. */
function versions(asked: unknown): object {
  const echo = typeof asked === 'string' && /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,30}$/.test(asked)
  return { cniVersion: echo ? asked : newestVersion, supportedVersions }
}

function since({ config, environment }: Request, first: Version): Answer | undefined {
  if (atLeast(config.version, first)) return undefined
  return failure(
    codes.version,
    `cniVersion ${config.version} has no ${environment.command}`,
    `${environment.command} came with ${first}`,
  )
}

const attachmentOf = ({ environment }: Request): string =>
  `CNI_IFNAME ${environment.ifName} of CNI_CONTAINERID ${environment.containerId}`

function previousOf({ config }: Request): Result<CniResult | undefined, CniError> {
  return config.prevResult === undefined ? ok(undefined) : parseResult(config.prevResult, config.version)
}

async function add(request: Request): Promise<Answer> {
  const { call, environment, config, network } = request
  const capabilities = parseCapabilities(config, environment.args)
  if (!capabilities.ok) return capabilities
  const previous = previousOf(request)
  if (!previous.ok) return previous
  if (isTaken(previous.value, environment.ifName))
    return failure(codes.environment, `${attachmentOf(request)} exists already`, 'prevResult names it')
  const netns = openNamespace(call.netns, environment.netnsPath)
  if (!netns.ok) return netns
  const id = { containerId: environment.containerId, ifName: environment.ifName }
  if (call.repeated) {
    // An agent that ended in the middle may have finished this very ADD; nobody got its result.
    const cleared = await network.del(id)
    if (!cleared.ok) return err(errorOfFault(cleared.error, attachmentOf(request)))
  }
  const made = await network.add({ ...id, netnsFd: netns.value, ...wishes(request, capabilities.value) })
  if (!made.ok) return err(errorOfFault(made.error, attachmentOf(request)))
  const result = resultOf(made.value, environment.netnsPath, capabilities.value.dns, previous.value)
  const undo = async (): Promise<void> => {
    await network.del(id, made.value.hostInterface.index)
  }
  return ok({ ...jsonReply(formatResult(result, config.version)), undo })
}

function wishes({ environment, config }: Request, { ips, mac, hostPorts, bandwidth }: Capabilities) {
  const word = (key: string): string | undefined => environment.args.get(key) || undefined
  return {
    network: config.name,
    podUid: word('K8S_POD_UID'),
    podNamespace: word('K8S_POD_NAMESPACE'),
    podName: word('K8S_POD_NAME'),
    ips,
    mac,
    hostPorts,
    bandwidth,
  }
}

/** By the attachment alone: namespace, prevResult and capabilities may be gone or wrong, the address must be freed. */
async function del(request: Request): Promise<Answer> {
  const { containerId, ifName } = request.environment
  const gone = await request.network.del({ containerId, ifName })
  return gone.ok ? ok(silence) : err(errorOfFault(gone.error, attachmentOf(request)))
}

async function check(request: Request): Promise<Answer> {
  const { call, environment, config, network } = request
  const { containerId, ifName } = environment
  const previous = previousOf(request)
  if (!previous.ok) return previous
  if (!previous.value)
    return failure(codes.config, 'prevResult is missing', 'CHECK compares the pod with the result of its ADD')
  const capabilities = parseCapabilities(config, environment.args)
  if (!capabilities.ok) return capabilities
  const claim = claimOf(previous.value, ifName)
  if (!claim.ok) return claim
  const netns = openNamespace(call.netns, environment.netnsPath)
  if (!netns.ok) return netns
  const { hostPorts, bandwidth } = capabilities.value
  const checked = await network.check({
    containerId,
    ifName,
    netnsFd: netns.value,
    ...claim.value,
    hostPorts,
    bandwidth,
  })
  return checked.ok ? ok(silence) : err(errorOfFault(checked.error, attachmentOf(request)))
}

async function status({ network }: Request): Promise<Answer> {
  const readiness = await network.status()
  if (readiness.state === 'ready') return ok(silence)
  return failure(
    readiness.limited ? codes.limited : codes.notReady,
    clipped(readiness.why, 300),
    clipped(`${readiness.why}; ${readiness.next}`, 4000),
  )
}

async function gc({ config, network }: Request): Promise<Answer> {
  if (config.validAttachments === undefined)
    return failure(
      codes.config,
      'cni.dev/valid-attachments is missing',
      'a missing list is not an empty list: nothing was removed',
    )
  const surplus = await network.surplus(config.name, config.validAttachments)
  const outcomes = await Promise.all(surplus.map((made) => network.del(made, made.hostIndex)))
  const faults = outcomes.flatMap((o) => (o.ok ? [] : [errorOfFault(o.error, `network ${config.name}`)]))
  if (faults.length === 0) return ok(silence)
  return failure(
    codes.gcIncomplete,
    `${faults.length} of ${outcomes.length} stale attachments could not be removed`,
    clipped(faults.map((f) => `${f.msg} (${f.details})`).join('\n'), 64_000),
  )
}
