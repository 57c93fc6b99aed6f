// The network config on stdin, parsed in two steps: first as far as its version, in which every error is answered,
// then the rest. Keys that Podlane does not know are tolerated.

import * as v from 'valibot'
import { ok, type Result } from '../base/result.ts'
import { isInterfaceName, isName } from './environment.ts'
import { type CniError, codes, failure, shown } from './errors.ts'
import type { AttachmentId } from './network.ts'
import type { ResultDns } from './result.ts'
import { dnsSchema, list, maybe, parsed } from './schema.ts'
import { supportedVersions, toVersion, unnamedVersion, type Version } from './versions.ts'

export type NetworkConfig = {
  readonly version: Version
  readonly name: string
  readonly dns: ResultDns
  /** As written; `parseCapabilities` reads it. */
  readonly runtimeConfig: Readonly<Record<string, unknown>>
  /** The convention `args.cni`, which goes before CNI_ARGS. */
  readonly cniArgs: { readonly ips: readonly string[]; readonly mac: string }
  /** As written; `parseResult` reads it. */
  readonly prevResult: unknown
  /** Undefined: the list is missing, which is not an empty list. */
  readonly validAttachments: readonly AttachmentId[] | undefined
}

export type RawConfig = Readonly<Record<string, unknown>>

/** A JSON object in UTF-8, or code 6. */
export function decodeConfig(stdin: Uint8Array): Result<RawConfig, CniError> {
  let json: unknown
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(stdin))
  } catch (error) {
    return failure(
      codes.decode,
      stdin.length === 0 ? 'no network config on stdin' : 'the network config is not JSON in UTF-8',
      error instanceof Error ? error.message : String(error),
    )
  }
  const object = v.safeParse(v.record(v.string(), v.unknown()), json)
  if (object.success && !Array.isArray(json)) return ok(object.output)
  return failure(codes.decode, 'the network config is not a JSON object', `found ${shown(json, 1)}`)
}

/** None named: 0.1.0. One that Podlane does not speak: code 1. */
export function versionOf(raw: RawConfig): Result<Version, CniError> {
  const given = raw.cniVersion ?? ''
  if (given === '') return ok(unnamedVersion)
  if (typeof given !== 'string')
    return failure(codes.decode, 'cniVersion is not a string', `found ${shown(given)}`)
  const version = toVersion(given)
  if (version) return ok(version)
  return failure(
    codes.version,
    `cniVersion ${shown(given)} is not supported`,
    `Podlane speaks ${supportedVersions.join(', ')}`,
  )
}

const attachments = v.array(
  v.pipe(
    v.looseObject({ containerID: v.string(), ifname: v.string() }),
    v.check((a) => isName(a.containerID) && isInterfaceName(a.ifname), 'no valid containerID and ifname'),
    v.transform((a): AttachmentId => ({ containerId: a.containerID, ifName: a.ifname })),
  ),
)

const schema = v.looseObject({
  name: v.pipe(v.string(), v.check(isName, 'must match [a-zA-Z0-9][a-zA-Z0-9_.-]*, at most 200 long')),
  dns: maybe(dnsSchema),
  runtimeConfig: maybe(v.record(v.string(), v.unknown())),
  args: maybe(
    v.looseObject({ cni: maybe(v.looseObject({ ips: list(v.string()), mac: maybe(v.string()) })) }),
  ),
  ipam: v.optional(v.unknown()),
  plugins: v.optional(v.unknown()),
  prevResult: v.optional(v.unknown()),
  'cni.dev/valid-attachments': maybe(attachments),
  // What the specification called it by mistake before; libcni writes both.
  'cni.dev/attachments': maybe(attachments),
})

export function parseConfig(raw: RawConfig, version: Version): Result<NetworkConfig, CniError> {
  if (raw.plugins !== undefined)
    return failure(
      codes.config,
      'plugins: this is a whole list of plugins',
      'a runtime hands each plugin its own part of the list',
    )
  const config = parsed(schema, raw, codes.config, 'config')
  if (!config.ok) return config
  const { name, dns, runtimeConfig, args, prevResult } = config.value
  return ok({
    version,
    name,
    dns: dns ?? { nameservers: [], domain: '', search: [], options: [] },
    runtimeConfig: runtimeConfig ?? {},
    cniArgs: { ips: args?.cni?.ips ?? [], mac: args?.cni?.mac ?? '' },
    prevResult: prevResult ?? undefined,
    validAttachments:
      config.value['cni.dev/valid-attachments'] ?? config.value['cni.dev/attachments'] ?? undefined,
  })
}

/** Podlane gives addresses itself: a config that delegates them to another program would be ignored in silence. */
export function refuseDelegation(raw: RawConfig): CniError | undefined {
  const ipam = v.safeParse(v.looseObject({ type: v.pipe(v.string(), v.nonEmpty()) }), raw.ipam)
  if (!ipam.success) return undefined
  return {
    code: codes.unsupportedField,
    msg: `ipam.type ${shown(ipam.output.type)} is not supported`,
    details: "Podlane gives out the node's addresses itself: remove ipam from the config",
  }
}
