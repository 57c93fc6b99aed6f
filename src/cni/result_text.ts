// Small pieces of JSON that every result form writes in the same way.

import type { ResultDns } from './result.ts'
import type { IpWithLength } from './schema.ts'

export const addressText = (address: IpWithLength): string => `${address.ip}/${address.length}`

/** Without the keys that say nothing. */
export const compact = (json: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(json).filter(([, value]) => value !== undefined && value !== ''))

/** `dns` always stands in a result, empty where nothing is known: some runtimes read it unasked. */
export const dnsJson = (dns: ResultDns): object =>
  compact({
    nameservers: dns.nameservers.length > 0 ? dns.nameservers : undefined,
    domain: dns.domain,
    search: dns.search.length > 0 ? dns.search : undefined,
    options: dns.options.length > 0 ? dns.options : undefined,
  })
