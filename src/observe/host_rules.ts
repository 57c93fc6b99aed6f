// The host's forward rules that are not ours, as its own programs print them. Reading starts a program for each table.

import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import type { Family } from '../base/ip.ts'
import { NFT_TABLE } from '../plan/ownership.ts'
import { forwardTables, type TableName } from './forward_barrier.ts'

/** What the host's programs print; undefined where there is none or it refuses. Nothing waits for it but its caller. */
export type Run = (program: string, ...args: readonly string[]) => Promise<string | undefined>

export type HostRules = {
  /** Each table with a say in what is forwarded, as `nft -j list table` prints it. */
  readonly nft: readonly { readonly table: TableName; readonly listing: string }[]
  /** Of the older kernel interface of iptables, which nft does not show: what `-S` prints. */
  readonly legacy: readonly { readonly family: Family; readonly program: string; readonly rules: string }[]
}

export async function readHostRules(run: Run = runProgram): Promise<HostRules> {
  // Before anything is waited for: tests are in another namespace until then.
  const older = ([4, 6] as const).filter((v) => legacyTables(v).includes('filter'))
  const chains = await run('nft', '-j', 'list', 'chains')
  const tables = chains === undefined ? [] : forwardTables(chains).filter((t) => t.name !== NFT_TABLE)
  // One program at a time: there may be many tables.
  const nft: HostRules['nft'][number][] = []
  for (const table of tables) {
    const listing = await run('nft', '-j', '-t', 'list', 'table', table.family, table.name)
    if (listing !== undefined) nft.push({ table, listing })
  }
  const legacy: HostRules['legacy'][number][] = []
  // Asked only where it is in use: asking loads it.
  for (const family of older) {
    const program = family === 4 ? 'iptables-legacy' : 'ip6tables-legacy'
    const rules = await run(program, '-S')
    if (rules !== undefined) legacy.push({ family, program, rules })
  }
  return { nft, legacy }
}

function legacyTables(v: Family): string[] {
  try {
    return readFileSync(`/proc/thread-self/net/${v === 4 ? 'ip' : 'ip6'}_tables_names`, 'utf8').split('\n')
  } catch {
    return []
  }
}

const runProgram: Run = (program, ...args) =>
  new Promise((resolve) => {
    const limits = { encoding: 'utf8', maxBuffer: 64 << 20, timeout: 5_000 } as const
    execFile(program, args, limits, (error, stdout) => resolve(error ? undefined : stdout))
  })
