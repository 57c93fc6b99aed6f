// Tables that are not ours and have a say in what is forwarded, received or translated: that they are there. What their
// rules do with one packet only the kernel could say.

import { readFileSync } from 'node:fs'
import type { Family } from '../../base/ip.ts'
import type { NetlinkSocket } from '../../kernel/netlink/socket.ts'
import { type BaseChain, getChains, parseChain } from '../../kernel/nft/chain.ts'
import { NFT_TABLE } from '../../plan/ownership.ts'
import type { OtherTable } from './facts.ts'

/** kube-proxy's nft tables have some chains for each Service: a dump of ten thousand takes tens of milliseconds. */
const FOR_MS = 10_000

/** Those of ten seconds ago serve too: which tables there are changes rarely, and only their names are told. */
export class OtherTables {
  readonly #nowMs: () => number
  /** BOUNDED by the base chains of the namespace. */
  #last: { readonly chains: readonly BaseChain[]; readonly atMs: number } | undefined

  /** @param nowMs of a clock that is never set back */
  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs
  }

  read(socket: Pick<NetlinkSocket, 'dump'>, family: Family): readonly OtherTable[] {
    const words = ['inet', family === 4 ? 'ip' : 'ip6']
    return [
      ...this.#foreign(socket)
        .filter((c) => words.includes(c.family))
        .map(named),
      ...legacyTables(family),
    ]
  }

  #foreign(socket: Pick<NetlinkSocket, 'dump'>): readonly BaseChain[] {
    if (this.#last && this.#nowMs() - this.#last.atMs <= FOR_MS) return this.#last.chains
    const chains = socket
      .dump(getChains())
      .flatMap((body) => parseChain(body) ?? [])
      .filter((c) => !(c.family === 'inet' && c.table === NFT_TABLE))
    this.#last = { chains, atMs: this.#nowMs() }
    return chains
  }
}

const named = ({ family, table, hook, type }: BaseChain): OtherTable => ({
  table: `${family} ${table}`,
  hook,
  translates: type === 'nat',
})

/** The older kernel interface of iptables has its tables beside. */
function legacyTables(family: Family): OtherTable[] {
  const [file, program] =
    family === 4 ? ['ip_tables_names', 'iptables-legacy'] : ['ip6_tables_names', 'ip6tables-legacy']
  const names = readNames(`/proc/net/${file}`)
  return [
    ...(names.includes('nat')
      ? (['prerouting', 'output'] as const).map((hook) => ({ hook, translates: true }))
      : []),
    ...(names.includes('filter')
      ? (['input', 'forward', 'output'] as const).map((hook) => ({ hook, translates: false }))
      : []),
  ].map((chain) => ({ ...chain, table: program }))
}

function readNames(file: string): readonly string[] {
  try {
    return readFileSync(file, 'utf8').trim().split('\n')
  } catch {
    return []
  }
}
