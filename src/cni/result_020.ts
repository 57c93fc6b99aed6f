// Results of 0.1.0 and 0.2.0: one address of each family with its routes inside, no interfaces.

import * as v from 'valibot'
import { type Family, familyOf } from '../base/ip.ts'
import { ok, type Result } from '../base/result.ts'
import { type CniError, codes } from './errors.ts'
import type { CniResult } from './result.ts'
import { addressText, compact, dnsJson } from './result_text.ts'
import { addressSchema, dnsSchema, list, maybe, maybeIp, parsed } from './schema.ts'
import type { Version } from './versions.ts'

/** What the form cannot hold, a second address of a family and the interfaces, is left out, as libcni does. */
export function formatResult020(result: CniResult, cniVersion: Version): object {
  return compact({
    cniVersion,
    ip4: familyJson(result, 4),
    ip6: familyJson(result, 6),
    dns: dnsJson(result.dns),
  })
}

function familyJson(result: CniResult, family: Family): object | undefined {
  const ip = result.ips.find((i) => familyOf(i.address.ip) === family)
  if (!ip) return undefined
  const routes = result.routes
    .filter((r) => familyOf(r.dst.ip) === family)
    .map((r) => compact({ dst: addressText(r.dst), gw: r.gw }))
  return compact({
    ip: addressText(ip.address),
    gateway: ip.gateway,
    routes: routes.length > 0 ? routes : undefined,
  })
}

const familySchema = maybe(
  v.looseObject({
    ip: addressSchema,
    gateway: maybeIp,
    routes: list(v.looseObject({ dst: addressSchema, gw: maybeIp })),
  }),
)

const schema = v.looseObject({ ip4: familySchema, ip6: familySchema, dns: maybe(dnsSchema) })

export function parseResult020(json: unknown): Result<CniResult, CniError> {
  const result = parsed(schema, json, codes.config, 'prevResult')
  if (!result.ok) return result
  const families = [result.value.ip4, result.value.ip6].filter((f) => f !== null && f !== undefined)
  return ok({
    interfaces: [],
    ips: families.map((f) => ({ address: f.ip, gateway: f.gateway || undefined, interface: undefined })),
    routes: families.flatMap((f) =>
      f.routes.map((r) => ({
        dst: r.dst,
        gw: r.gw || undefined,
        mtuBytes: 0,
        advmss: 0,
        priority: 0,
        table: undefined,
        scope: undefined,
      })),
    ),
    dns: result.value.dns ?? { nameservers: [], domain: '', search: [], options: [] },
  })
}
