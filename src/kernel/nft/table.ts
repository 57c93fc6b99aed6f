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

/** Names of the sets and maps of a table; empty if there is no such table. */
export function listSets(family: string, table: string): ReadonlySet<string> {
  const done = spawnSync('nft', ['-j', 'list', 'table', family, table], { encoding: 'utf8' })
  if (done.status !== 0) return new Set()
  const { nftables } = JSON.parse(done.stdout) as {
    nftables: Record<string, { name?: string } | undefined>[]
  }
  return new Set(nftables.flatMap((o) => o.set?.name ?? o.map?.name ?? []))
}
