// Forwarding and what it needs (sysctls of this network namespace): written only where the value is not right yet,
// and each write is said. Nothing is put back: other software may rely on it by then.

import { readFileSync, writeFileSync } from 'node:fs'
import type { Family } from '../base/ip.ts'
import type { Fault } from '../base/result.ts'
import type { Outcome } from './outcome.ts'

const ROOT = '/proc/sys/net'
export type Switch = { readonly path: string; readonly value: string; readonly why: string }

/**
 * @param routerFed whether the uplink has its IPv6 default route from router advertisements: once the host forwards,
 * the kernel obeys them only with accept_ra 2
 */
export function wantedSwitches(
  families: readonly Family[],
  uplink: string | undefined,
  routerFed: boolean,
): Switch[] {
  const v4 = families.includes(4)
    ? [{ path: 'ipv4/ip_forward', value: '1', why: 'pods are reached through the host' }]
    : []
  const advertised =
    families.includes(6) && uplink !== undefined && routerFed
      ? [
          {
            path: `ipv6/conf/${uplink}/accept_ra`,
            value: '2',
            why: 'the uplink’s router advertisements keep counting',
          },
        ]
      : []
  const v6 = families.includes(6)
    ? [{ path: 'ipv6/conf/all/forwarding', value: '1', why: 'pods are reached through the host' }]
    : []
  // accept_ra first: with forwarding on and accept_ra 1 the default route would already be gone.
  return [...v4, ...advertised, ...v6]
}

/**
 * A packet of a fast flow may take the stack at any time (too large, a fragment, a moved next hop), where connection
 * tracking has not seen the ones before: a host's `ct state invalid drop` must not hit it.
 */
export const laneSwitches = (): Switch[] =>
  readSwitch(LIBERAL) === undefined
    ? []
    : [{ path: LIBERAL, value: '1', why: 'packets of one TCP flow may take the fast lane and the stack' }]
const LIBERAL = 'netfilter/nf_conntrack_tcp_be_liberal'

export function applySwitches(wanted: readonly Switch[]): Outcome {
  const changes: string[] = []
  const faults: Fault[] = []
  for (const { path, value, why } of wanted) {
    const file = `${ROOT}/${path}`
    try {
      const found = readFileSync(file, 'utf8').trim()
      if (found === value) continue
      writeFileSync(file, value)
      changes.push(`set sysctl net.${path.replaceAll('/', '.')} from ${found} to ${value}: ${why}`)
    } catch (error) {
      faults.push(switchFault(path, value, error))
    }
  }
  return { changes, faults }
}

const switchFault = (path: string, value: string, error: unknown): Fault => ({
  kind: 'sysctl',
  object: `sysctl net.${path.replaceAll('/', '.')}`,
  wanted: value,
  found: error instanceof Error ? error.message : String(error),
  next: `run «sysctl -w net.${path.replaceAll('/', '.')}=${value}», or give the agent a writable /proc/sys`,
})

/** A sysctl's value, or undefined where there is none. */
export function readSwitch(path: string): string | undefined {
  try {
    return readFileSync(`${ROOT}/${path}`, 'utf8').trim()
  } catch {
    return undefined
  }
}
