// Whole nft tables, by the nft program and so at start only: a transaction of text, and what a table's sets are called.

import { spawnSync } from 'node:child_process'
import { fault, ok, type Result } from '../../base/result.ts'

const missing = 'apt-get install nftables'

/** One atomic transaction of nft's own language. */
export function loadRuleset(text: string): Result<void> {
  const done = spawnSync('nft', ['-f', '-'], { input: text, encoding: 'utf8' })
  if (done.error) return fault('nft', 'program nft', 'a program that runs', done.error.message, missing)
  if (done.status === 0) return ok(undefined)
  return fault(
    'nft',
    'our nft tables',
    'the kernel to accept them',
    done.stderr.trim(),
    'see «nft --version» and the kernel’s CONFIG_NF_TABLES*',
  )
}

export type TableContent = {
  readonly sets: ReadonlyMap<string, 'set' | 'map'>
  readonly chains: readonly string[]
  readonly rules: number
}

type Listed = Readonly<Record<string, { readonly name?: string } | undefined>>

const noTable: TableContent = { sets: new Map(), chains: [], rules: 0 }

/** Names of what stands in a table, of its elements nothing; empty if there is no such table. */
export function listTable(family: string, table: string): Result<TableContent> {
  const done = spawnSync('nft', ['-t', '-j', 'list', 'table', family, table], {
    encoding: 'utf8',
    maxBuffer: 64 << 20,
  })
  if (done.error) return fault('nft', 'program nft', 'a program that runs', done.error.message, missing)
  if (done.status !== 0) {
    // Only this means that there is none; on anything else, nothing is known and nothing must be built upon it.
    if (/No such file or directory/.test(done.stderr)) return ok(noTable)
    const next = 'give the agent CAP_NET_ADMIN, and see «nft list tables»'
    return fault('nft', `nft table ${family} ${table}`, 'a listing', done.stderr.trim(), next)
  }
  const { nftables } = JSON.parse(done.stdout) as { readonly nftables: readonly Listed[] }
  const named = (kind: 'set' | 'map'): [string, 'set' | 'map'][] =>
    nftables.flatMap((o) => (o[kind]?.name === undefined ? [] : [[o[kind].name, kind]]))
  return ok({
    sets: new Map([...named('set'), ...named('map')]),
    chains: nftables.flatMap((o) => o.chain?.name ?? []),
    rules: nftables.filter((o) => o.rule).length,
  })
}
