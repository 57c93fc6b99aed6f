// The result of an ADD in one inner form, and its way into and out of each version's own JSON.

import type { Ip } from '../base/ip.ts'
import type { Result } from '../base/result.ts'
import type { CniError } from './errors.ts'
import { formatResult020, parseResult020 } from './result_020.ts'
import { formatResult040 } from './result_040.ts'
import { formatResult100, formatResult110, parseResult100 } from './result_100.ts'
import type { IpWithLength } from './schema.ts'
import { toVersion, type Version } from './versions.ts'

export type ResultInterface = {
  readonly name: string
  readonly mac: string
  /** 0: not said. */
  readonly mtuBytes: number
  /** The namespace's path as the runtime gave it; empty for the node's own. */
  readonly sandbox: string
  readonly socketPath: string
  readonly pciId: string
}

export type ResultIp = {
  readonly address: IpWithLength
  readonly gateway: Ip | undefined
  /** Index into `interfaces`. */
  readonly interface: number | undefined
}

export type ResultRoute = {
  readonly dst: IpWithLength
  readonly gw: Ip | undefined
  /** 0 in mtu, advmss and priority: not said. */
  readonly mtuBytes: number
  readonly advmss: number
  readonly priority: number
  readonly table: number | undefined
  readonly scope: number | undefined
}

export type ResultDns = {
  readonly nameservers: readonly string[]
  readonly domain: string
  readonly search: readonly string[]
  readonly options: readonly string[]
}

export type CniResult = {
  readonly interfaces: readonly ResultInterface[]
  readonly ips: readonly ResultIp[]
  readonly routes: readonly ResultRoute[]
  readonly dns: ResultDns
}

type Form = {
  readonly format: (result: CniResult, version: Version) => object
  readonly parse: (json: unknown) => Result<CniResult, CniError>
}

const form020: Form = { format: formatResult020, parse: parseResult020 }
/** The same keys as 1.0.0 and one more, which the address itself tells too. */
const form040: Form = { format: formatResult040, parse: parseResult100 }

const forms: { readonly [V in Version]: Form } = {
  '0.1.0': form020,
  '0.2.0': form020,
  '0.3.0': form040,
  '0.3.1': form040,
  '0.4.0': form040,
  '1.0.0': { format: formatResult100, parse: parseResult100 },
  '1.1.0': { format: formatResult110, parse: parseResult100 },
}

export const formatResult = (result: CniResult, version: Version): object =>
  forms[version].format(result, version)

/** A `prevResult` in the form of the version that it names, or else of the config's. */
export function parseResult(json: unknown, configVersion: Version): Result<CniResult, CniError> {
  const named =
    typeof json === 'object' && json !== null && 'cniVersion' in json ? json.cniVersion : undefined
  const version = typeof named === 'string' ? toVersion(named) : undefined
  return forms[version ?? configVersion].parse(json)
}
