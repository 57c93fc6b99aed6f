// What of the host is in the way of pods' packets and is not ours to change: each with the command that cures it. An
// accept in our table cannot override another table's drop. Gone from the list once the cure stands.

import { spawnSync } from 'node:child_process'
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

/** What the host's programs print; undefined where there is none or it refuses. */
export type Run = (program: string, ...args: readonly string[]) => string | undefined

/** @param ranges this node's own: whatever is forwarded here comes from them or goes to them */
export function readSurroundings(ranges: readonly Cidr[], run: Run = runProgram): readonly Fault[] {
  return readBarriers(run).flatMap((b) => {
    const barred = b.families.flatMap((v) => ranges.filter((r) => cidrFamily(r) === v && !passes(b, r)))
    return barred.length === 0 ? [] : [barrierFault(b, barred)]
  })
}

function readBarriers(run: Run): Barrier[] {
  const chains = run('nft', '-j', 'list', 'chains')
  const tables = chains === undefined ? [] : forwardTables(chains).filter((t) => t.name !== NFT_TABLE)
  const ofTable = ({ family, name }: TableName): Barrier[] => {
    const listing = run('nft', '-j', '-t', 'list', 'table', family, name)
    const barrier = listing === undefined ? undefined : nftBarrier({ family, name }, listing)
    return barrier ? [barrier] : []
  }
  return [...tables.flatMap(ofTable), ...legacy(4, run), ...legacy(6, run)]
}

/** The older kernel interface of iptables, which nft does not show. Asked only where it is in use: asking loads it. */
function legacy(v: Family, run: Run): Barrier[] {
  if (!legacyTables(v).includes('filter')) return []
  const program = v === 4 ? 'iptables-legacy' : 'ip6tables-legacy'
  const rules = run(program, '-S')
  const barrier = rules === undefined ? undefined : legacyBarrier(v, program, rules)
  return barrier ? [barrier] : []
}

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

const runProgram: Run = (program, ...args) => {
  const done = spawnSync(program, args, { encoding: 'utf8', maxBuffer: 64 << 20, timeout: 5_000 })
  return done.status === 0 ? done.stdout : undefined
}
