// What a runtime asks for beyond the plain pod: each capability is honoured or refused by name (code 2 with key and
// value), never ignored. `docs/design/cni.md` shows the table for operators.

import * as v from 'valibot'
import { familyOf, type Ip } from '../base/ip.ts'
import { type Mac, macBytes, parseMac } from '../base/mac.ts'
import { err, ok, type Result } from '../base/result.ts'
import type { NetworkConfig } from './config.ts'
import { type CniError, codes, failure, shown } from './errors.ts'
import type { Bandwidth, HostPort } from './network.ts'
import type { ResultDns } from './result.ts'
import { addressOrIpSchema, list, maybe, maybeIp, parsed, words } from './schema.ts'

/** What the conflist declares, so that runtimes hand it over. */
export const honoured = ['portMappings', 'bandwidth', 'ips', 'mac', 'dns'] as const

const refusedBecause: ReadonlyMap<string, string> = new Map([
  ['ipRanges', "the address range is the node's own, from the Kubernetes API or the static input"],
  ['aliases', 'Podlane runs no name server for containers'],
  ['cgroupPath', 'Podlane does nothing with a cgroup'],
  ['deviceID', 'Podlane makes its own interfaces and takes no device over'],
  ['infinibandGUID', 'Podlane has no InfiniBand interfaces'],
])

export type Capabilities = {
  readonly ips: readonly Ip[]
  readonly mac: Mac | undefined
  readonly hostPorts: readonly HostPort[]
  readonly bandwidth: Bandwidth | undefined
  /** For the result alone: runtimes write resolv.conf. */
  readonly dns: ResultDns
}

/** `args` is CNI_ARGS. The order: runtimeConfig, then `args.cni` of the config, then CNI_ARGS. */
export function parseCapabilities(
  config: NetworkConfig,
  args: ReadonlyMap<string, string>,
): Result<Capabilities, CniError> {
  const asked = new Map(Object.entries(config.runtimeConfig).filter(([, value]) => isAsked(value)))
  for (const [key, value] of asked)
    if (!honoured.some((h) => h === key))
      return failure(
        codes.unsupportedField,
        `runtimeConfig.${shown(key).slice(1, -1)} ${shown(value)} is not supported`,
        refusedBecause.get(key) ?? 'Podlane does not know this capability',
      )
  const ips = parseIps(asked.get('ips') ?? config.cniArgs.ips, args.get('IP'))
  if (!ips.ok) return ips
  const mac = parseAskedMac(asked.get('mac') ?? (config.cniArgs.mac || args.get('MAC')))
  if (!mac.ok) return mac
  const hostPorts = parseHostPorts(asked.get('portMappings'))
  if (!hostPorts.ok) return hostPorts
  const bandwidth = parseBandwidth(asked.get('bandwidth'))
  if (!bandwidth.ok) return bandwidth
  const dns = parseDns(asked.get('dns'), config.dns)
  if (!dns.ok) return dns
  return ok({
    ips: ips.value,
    mac: mac.value,
    hostPorts: hostPorts.value,
    bandwidth: bandwidth.value,
    dns: dns.value,
  })
}

/** Runtimes send empty lists and strings for what nobody asked for. The depth is bounded: the value is foreign. */
function isAsked(value: unknown, depth = 3): boolean {
  if (value === null || value === undefined || value === '') return false
  if (typeof value !== 'object' || depth === 0) return true
  return Object.values(value).some((item) => isAsked(item, depth - 1))
}

function parseIps(asked: unknown, fromArgs: string | undefined): Result<readonly Ip[], CniError> {
  const given = Array.isArray(asked) && asked.length === 0 && fromArgs ? fromArgs.split(',') : asked
  const ips = parsed(v.array(addressOrIpSchema), given, codes.config, 'ips')
  if (!ips.ok) return ips
  const addresses = ips.value.map((i) => i.ip)
  const families = addresses.map(familyOf)
  if (new Set(families).size === families.length) return ok(addresses)
  return failure(
    codes.unsupportedField,
    `ips ${shown(given)} is not supported`,
    'a pod has one address of each family',
  )
}

function parseAskedMac(asked: unknown): Result<Mac | undefined, CniError> {
  if (asked === undefined || asked === '') return ok(undefined)
  const mac = typeof asked === 'string' ? parseMac(asked) : undefined
  if (!mac?.ok) return failure(codes.config, `mac ${shown(asked)} is no MAC address`, 'want six bytes in hex')
  const [first = 0] = macBytes(mac.value)
  if ((first & 1) === 0 && mac.value !== '00:00:00:00:00:00') return mac
  return failure(codes.config, `mac ${shown(asked)} is no unicast address`, 'an interface cannot carry it')
}

const port = (lowest: number) => v.pipe(v.number(), v.integer(), v.minValue(lowest), v.maxValue(65_535))

const portMappings = v.array(
  v.looseObject({
    hostPort: v.optional(v.nullable(port(0), 0), 0),
    containerPort: port(1),
    protocol: v.pipe(
      v.optional(v.nullable(v.string(), 'tcp'), 'tcp'),
      v.toLowerCase(),
      v.transform((p) => p || 'tcp'),
      v.picklist(['tcp', 'udp', 'sctp']),
    ),
    hostIP: maybeIp,
  }),
)

function parseHostPorts(asked: unknown): Result<readonly HostPort[], CniError> {
  const mappings = parsed(portMappings, asked ?? [], codes.config, 'portMappings')
  if (!mappings.ok) return mappings
  const ports = new Map<string, HostPort>()
  for (const m of mappings.value) {
    // The Kubernetes form of a container's port that no one wants on the host.
    if (m.hostPort === 0) continue
    const { hostPort, containerPort, protocol } = m
    const entry: HostPort = { hostPort, containerPort, protocol, hostIp: m.hostIP || undefined }
    const key = `${protocol} ${hostPort} ${entry.hostIp ?? ''}`
    const twin = ports.get(key)
    if (twin && twin.containerPort !== containerPort)
      return failure(
        codes.config,
        `portMappings: host port ${hostPort}/${protocol} is asked for twice`,
        `for container ports ${twin.containerPort} and ${containerPort}`,
      )
    ports.set(key, entry)
  }
  return ok([...ports.values()])
}

const rate = v.optional(v.nullable(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(2 ** 63)), 0), 0)
const bandwidthSchema = v.looseObject({
  ingressRate: rate,
  ingressBurst: rate,
  egressRate: rate,
  egressBurst: rate,
})

function parseBandwidth(asked: unknown): Result<Bandwidth | undefined, CniError> {
  if (asked === undefined) return ok(undefined)
  const bandwidth = parsed(bandwidthSchema, asked, codes.config, 'bandwidth')
  if (!bandwidth.ok) return err(bandwidth.error)
  const { ingressRate, ingressBurst, egressRate, egressBurst } = bandwidth.value
  if (ingressRate === 0 && egressRate === 0) return ok(undefined)
  return ok({ ingressRate, ingressBurst, egressRate, egressBurst })
}

const dnsCapability = v.looseObject({
  servers: list(v.string()),
  searches: words,
  options: words,
  domain: maybe(v.string()),
})

/** What the runtime says goes before what the config says, list by list. */
function parseDns(asked: unknown, configured: ResultDns): Result<ResultDns, CniError> {
  if (asked === undefined) return ok(configured)
  const dns = parsed(dnsCapability, asked, codes.config, 'dns')
  if (!dns.ok) return err(dns.error)
  const { servers, searches, options, domain } = dns.value
  return ok({
    nameservers: servers.length > 0 ? servers : configured.nameservers,
    domain: domain || configured.domain,
    search: searches.length > 0 ? searches : configured.search,
    options: options.length > 0 ? options : configured.options,
  })
}
