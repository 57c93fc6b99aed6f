// Tables that are not ours and have a say in what is forwarded, received or translated: that they are there. What their
// rules do with one packet only the kernel could say.

import { readFileSync } from 'node:fs'
import type { Family } from '../../base/ip.ts'
import type { NetlinkSocket } from '../../kernel/netlink/socket.ts'
import { type BaseChain, getChains, parseChain } from '../../kernel/nft/chain.ts'
import { NFT_TABLE } from '../../plan/ownership.ts'
import type { OtherTable } from './facts.ts'

export function readOthers(socket: NetlinkSocket, family: Family): readonly OtherTable[] {
  const words = ['inet', family === 4 ? 'ip' : 'ip6']
  const chains = socket.dump(getChains()).flatMap((body) => parseChain(body) ?? [])
  const foreign = chains.filter(
    (c) => words.includes(c.family) && !(c.family === 'inet' && c.table === NFT_TABLE),
  )
  return [...foreign.map(named), ...legacyTables(family)]
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
