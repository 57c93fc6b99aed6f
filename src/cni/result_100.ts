// Results of 1.0.0, and of 1.1.0, which tells more of interfaces and routes.

import * as v from 'valibot'
import { ok, type Result } from '../base/result.ts'
import { type CniError, codes } from './errors.ts'
import type { CniResult, ResultInterface, ResultIp, ResultRoute } from './result.ts'
import { addressText, compact, dnsJson } from './result_text.ts'
import { addressSchema, dnsSchema, list, maybe, maybeIp, parsed } from './schema.ts'
import type { Version } from './versions.ts'

export function formatResult100(result: CniResult, cniVersion: Version): object {
  return {
    cniVersion,
    interfaces: result.interfaces.map((i) => compact({ name: i.name, mac: i.mac, sandbox: i.sandbox })),
    ips: result.ips.map(ipJson),
    routes: result.routes.map((r) => compact({ dst: addressText(r.dst), gw: r.gw })),
    dns: dnsJson(result.dns),
  }
}

export function formatResult110(result: CniResult, cniVersion: Version): object {
  return {
    cniVersion,
    interfaces: result.interfaces.map((i) =>
      compact({
        name: i.name,
        mac: i.mac,
        mtu: said(i.mtuBytes),
        sandbox: i.sandbox,
        socketPath: i.socketPath,
        pciID: i.pciId,
      }),
    ),
    ips: result.ips.map(ipJson),
    routes: result.routes.map((r) =>
      compact({
        dst: addressText(r.dst),
        gw: r.gw,
        mtu: said(r.mtuBytes),
        advmss: said(r.advmss),
        priority: said(r.priority),
        table: r.table,
        scope: r.scope,
      }),
    ),
    dns: dnsJson(result.dns),
  }
}

const said = (n: number): number | undefined => (n === 0 ? undefined : n)

const ipJson = (ip: ResultIp): object =>
  compact({ interface: ip.interface, address: addressText(ip.address), gateway: ip.gateway })

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0))
const countOr0 = v.optional(v.nullable(count, 0), 0)
const text = v.optional(v.nullable(v.string(), ''), '')

const interfaceSchema = v.looseObject({
  name: v.string(),
  mac: text,
  mtu: countOr0,
  sandbox: text,
  socketPath: text,
  pciID: text,
})

const routeSchema = v.looseObject({
  dst: addressSchema,
  gw: maybeIp,
  mtu: countOr0,
  advmss: countOr0,
  priority: countOr0,
  table: maybe(count),
  scope: maybe(count),
})

const schema = v.looseObject({
  interfaces: list(interfaceSchema),
  ips: list(v.looseObject({ address: addressSchema, gateway: maybeIp, interface: maybe(count) })),
  routes: list(routeSchema),
  dns: maybe(dnsSchema),
})

export function parseResult100(json: unknown): Result<CniResult, CniError> {
  const result = parsed(schema, json, codes.config, 'prevResult')
  if (!result.ok) return result
  const { interfaces, ips, routes, dns } = result.value
  return ok({
    interfaces: interfaces.map(
      (i): ResultInterface => ({
        name: i.name,
        mac: i.mac,
        mtuBytes: i.mtu,
        sandbox: i.sandbox,
        socketPath: i.socketPath,
        pciId: i.pciID,
      }),
    ),
    ips: ips.map((ip) => ({
      address: ip.address,
      gateway: ip.gateway || undefined,
      interface: ip.interface ?? undefined,
    })),
    routes: routes.map(
      (r): ResultRoute => ({
        dst: r.dst,
        gw: r.gw || undefined,
        mtuBytes: r.mtu,
        advmss: r.advmss,
        priority: r.priority,
        table: r.table ?? undefined,
        scope: r.scope ?? undefined,
      }),
    ),
    dns: dns ?? { nameservers: [], domain: '', search: [], options: [] },
  })
}
