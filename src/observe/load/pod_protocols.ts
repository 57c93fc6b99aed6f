// What pods' own TCP and UDP count: connections opened, packets that found a socket's buffer full. /proc/PID/net/snmp is of
// the network namespace that the process is in; which of them are pods' is told by their addresses in /proc/PID/net.

import { readlinkSync } from 'node:fs'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { parseIp } from '../../base/ip.ts'
import { namesIn, readText } from './text_file.ts'

/** Since the pods' namespaces were made, by namespace: a pod that has come or gone between two readings is left out. */
export type PodProtocols = ReadonlyMap<string, { readonly opened: number; readonly bufferErrors: number }>

/** Other work has its turn after as many: the links of a thousand processes take some 10 ms. */
const AT_ONCE = 50

/** Undefined where other processes are not seen (no hostPID), or none is in a pod. */
export async function readPodProtocols(
  addresses: ReadonlySet<string>,
  proc = '/proc',
): Promise<PodProtocols | undefined> {
  // BOUNDED by the namespaces of the machine.
  const found = new Map<string, { opened: number; bufferErrors: number }>()
  // The node's own is no pod's, and its list of addresses is the longest.
  const seen = new Set([namespaceOf(`${proc}/self/ns/net`)])
  for (const [i, pid] of namesIn(proc)
    .filter((name) => /^\d+$/.test(name))
    .entries()) {
    if (i % AT_ONCE === AT_ONCE - 1) await nextTurn()
    const namespace = namespaceOf(`${proc}/${pid}/ns/net`)
    if (namespace === undefined || seen.has(namespace)) continue
    seen.add(namespace)
    if (!isPod(`${proc}/${pid}/net`, addresses)) continue
    const snmp = readText(`${proc}/${pid}/net/snmp`)
    if (snmp !== undefined) found.set(namespace, countsOf(snmp))
  }
  return found.size > 0 ? found : undefined
}

function namespaceOf(link: string): string | undefined {
  try {
    return readlinkSync(link)
  } catch {
    return undefined
  }
}

function isPod(net: string, addresses: ReadonlySet<string>): boolean {
  const four = [...(readText(`${net}/fib_trie`) ?? '').matchAll(/\|-- (\S+)\n\s+\/32 host LOCAL/g)]
  const six = [...(readText(`${net}/if_inet6`) ?? '').matchAll(/^([0-9a-f]{32})/gm)]
  const texts = [...four.map((m) => m[1] ?? ''), ...six.map((m) => (m[1] ?? '').replace(/.{4}(?!$)/g, '$&:'))]
  return texts.some((text) => {
    const ip = parseIp(text)
    return ip.ok && addresses.has(ip.value)
  })
}

/** Each protocol has a line of names and one of values (RFC 4022, RFC 4113). */
function countsOf(snmp: string): { opened: number; bufferErrors: number } {
  const countOf = (protocol: string, name: string): number => {
    const [names = '', values = ''] = snmp.split('\n').filter((line) => line.startsWith(`${protocol}:`))
    const at = names.split(' ').indexOf(name)
    return at < 0 ? 0 : Number(values.split(' ')[at] ?? 0)
  }
  return {
    opened: countOf('Tcp', 'ActiveOpens') + countOf('Tcp', 'PassiveOpens'),
    bufferErrors: countOf('Udp', 'RcvbufErrors'),
  }
}

/** Per second between two readings, over the pods that are in both. */
export function podRates(
  before: PodProtocols,
  after: PodProtocols,
  seconds: number,
): { readonly connections: number; readonly bufferErrors: number } {
  let [opened, errors] = [0, 0]
  for (const [namespace, now] of after) {
    const then = before.get(namespace)
    if (!then) continue
    opened += now.opened - then.opened
    errors += now.bufferErrors - then.bufferErrors
  }
  return { connections: opened / seconds, bufferErrors: errors / seconds }
}
