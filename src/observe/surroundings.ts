// What of the host is in the way of pods' packets and is not ours to change: each with the command that cures it. An
// accept in our table cannot override another table's drop. Gone from the list once the cure stands.

import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { type Cidr, cidrBounds, cidrFamily } from '../base/cidr.ts'
import type { Family } from '../base/ip.ts'
import type { Fault } from '../base/result.ts'
import { NFT_TABLE } from '../plan/ownership.ts'
import {
  type Barrier,
  type Direction,
  forwardTables,
  legacyBarrier,
  nftBarrier,
  type TableName,
} from './forward_barrier.ts'

/** What the host's programs print; undefined where there is none or it refuses. Nothing waits for it but its caller. */
export type Run = (program: string, ...args: readonly string[]) => Promise<string | undefined>

/** @param ranges this node's own: whatever is forwarded here comes from them or goes to them */
export async function readSurroundings(
  ranges: readonly Cidr[],
  run: Run = runProgram,
): Promise<readonly Fault[]> {
  return (await readBarriers(run)).flatMap((b) => {
    const barred = b.families.flatMap((v) => ranges.filter((r) => cidrFamily(r) === v && !passes(b, r)))
    return barred.length === 0 ? [] : [barrierFault(b, barred)]
  })
}

async function readBarriers(run: Run): Promise<Barrier[]> {
  // Before anything is waited for: tests are in another namespace until then.
  const older = ([4, 6] as const).filter((v) => legacyTables(v).includes('filter'))
  const chains = await run('nft', '-j', 'list', 'chains')
  const tables = chains === undefined ? [] : forwardTables(chains).filter((t) => t.name !== NFT_TABLE)
  const ofTable = async ({ family, name }: TableName): Promise<Barrier[]> => {
    const listing = await run('nft', '-j', '-t', 'list', 'table', family, name)
    const barrier = listing === undefined ? undefined : nftBarrier({ family, name }, listing)
    return barrier ? [barrier] : []
  }
  // One program at a time: there may be many tables.
  const found: Barrier[] = []
  for (const table of tables) found.push(...(await ofTable(table)))
  for (const v of older) found.push(...(await legacy(v, run)))
  return found
}

/** Asked only where it is in use: asking loads it. */
async function legacy(v: Family, run: Run): Promise<Barrier[]> {
  const program = v === 4 ? 'iptables-legacy' : 'ip6tables-legacy'
  const rules = await run(program, '-S')
  const barrier = rules === undefined ? undefined : legacyBarrier(v, program, rules)
  return barrier ? [barrier] : []
}

/** Of the older kernel interface of iptables, which nft does not show. */
function legacyTables(v: Family): string[] {
  try {
    return readFileSync(`/proc/thread-self/net/${v === 4 ? 'ip' : 'ip6'}_tables_names`, 'utf8').split('\n')
  } catch {
    return []
  }
}

function passes(barrier: Barrier, range: Cidr): boolean {
  const { first, last } = cidrBounds(range)
  const through = (direction: Direction): boolean =>
    barrier.accepted.some((a) => {
      if (a.direction !== direction || cidrFamily(a.range) !== cidrFamily(range)) return false
      const bounds = cidrBounds(a.range)
      return bounds.first <= first && last <= bounds.last
    })
  return through('from') && through('to')
}

const barrierFault = (b: Barrier, barred: readonly Cidr[]): Fault => ({
  kind: 'host-firewall',
  object: `${b.by} (${b.where})`,
  wanted: `packets from and to ${barred.join(', ')} forwarded`,
  found: 'it drops what it does not know',
  next: `run: ${b.cure(barred).join(' && ')}`,
})

const runProgram: Run = (program, ...args) =>
  new Promise((resolve) => {
    const limits = { encoding: 'utf8', maxBuffer: 64 << 20, timeout: 5_000 } as const
    execFile(program, args, limits, (error, stdout) => resolve(error ? undefined : stdout))
  })
