// A chain of another program that drops forwarded packets, told from what nft and iptables print: whose it is, which
// ranges it already lets through, and the command that opens it for more. PURE.

import { type Cidr, cidrFamily, parseCidr } from '../base/cidr.ts'
import type { Family } from '../base/ip.ts'

export type TableName = { readonly family: string; readonly name: string }
export type Direction = 'from' | 'to'
export type Barrier = {
  readonly by: 'Docker' | 'firewalld' | 'ufw' | 'iptables' | 'another nft table'
  /** E.g. `chain FORWARD of table ip filter, policy drop`. */
  readonly where: string
  readonly families: readonly Family[]
  readonly accepted: readonly { readonly direction: Direction; readonly range: Cidr }[]
  /** Shell commands, to be run in order. */
  readonly cure: (ranges: readonly Cidr[]) => readonly string[]
}

type Chain = TableName & { readonly table: string; readonly hook?: string; readonly policy?: string }
type Match = { readonly op: string; readonly left: unknown; readonly right: unknown }
type Statement = {
  readonly match?: Match
  readonly accept?: null
  readonly goto?: { readonly target: string }
  readonly jump?: { readonly target: string }
  readonly counter?: unknown
  readonly drop?: null
  readonly reject?: unknown
  readonly xt?: { readonly type: string; readonly name: string }
}
type Rule = { readonly chain: string; readonly expr: readonly Statement[] }
type Listing = { readonly nftables: readonly { readonly chain?: Chain; readonly rule?: Rule }[] }

const FIREWALLD = 'firewalld'
const parse = (listing: string): Listing['nftables'] => (JSON.parse(listing) as Listing).nftables
const chainsOf = (objects: Listing['nftables']): Chain[] => objects.flatMap((o) => o.chain ?? [])

/** From `nft -j list chains`: tables that have a say in what is forwarded. */
export function forwardTables(listing: string): TableName[] {
  const found = chainsOf(parse(listing))
    .filter((c) => c.hook === 'forward' && familiesOf(c.family).length > 0)
    .map((c) => `${c.family} ${c.table}`)
  return [...new Set(found)].map((t) => {
    const [family = '', name = ''] = t.split(' ')
    return { family, name }
  })
}

const familiesOf = (tableFamily: string): Family[] =>
  tableFamily === 'ip' ? [4] : tableFamily === 'ip6' ? [6] : tableFamily === 'inet' ? [4, 6] : []

/** From `nft -j list table`; undefined if none of its chains drops what no rule accepts. */
export function nftBarrier(table: TableName, listing: string): Barrier | undefined {
  const objects = parse(listing)
  const chains = chainsOf(objects)
  const rules = objects.flatMap((o) => o.rule ?? [])
  for (const chain of chains.filter((c) => c.hook === 'forward')) {
    const own = rules.filter((r) => r.chain === chain.name)
    const end = own.findIndex(refusesAll)
    if (chain.policy !== 'drop' && end < 0) continue
    const by = ownerOf(
      table,
      chains.map((c) => c.name),
    )
    // What stands behind the rule that refuses the rest is never reached.
    const heard = rules.filter((r) => r.chain !== chain.name || end < 0 || own.indexOf(r) < end)
    const how = chain.policy === 'drop' ? 'policy drop' : 'its last word is to refuse'
    return {
      by,
      where: `chain ${chain.name} of table ${table.family} ${table.name}, ${how}`,
      families: familiesOf(table.family),
      accepted: heard.flatMap((r) => acceptedBy(r, by)),
      cure: cures(by, { ...table, chain: chain.name }),
    }
  }
  return undefined
}

/** Drops or rejects whatever comes, without a condition: how firewalld and many hand-written rule sets end. */
const refusesAll = ({ expr }: Rule): boolean =>
  expr.every(
    (s) => 'counter' in s || 'drop' in s || 'reject' in s || s.xt?.name === 'comment' || refusesByXt(s),
  ) && expr.some((s) => 'drop' in s || 'reject' in s || refusesByXt(s))
const refusesByXt = (s: Statement): boolean =>
  s.xt?.type === 'target' && ['REJECT', 'DROP'].includes(s.xt.name)

function ownerOf(table: TableName, chains: readonly string[]): Barrier['by'] {
  if (table.name === FIREWALLD) return 'firewalld'
  if (table.name !== 'filter' || table.family === 'inet') return 'another nft table'
  if (chains.some((c) => c.startsWith('ufw'))) return 'ufw'
  return chains.includes('DOCKER-USER') ? 'Docker' : 'iptables'
}

/** A rule that lets a whole range through, whatever else the packet is: one condition, on the address. */
function acceptedBy(rule: Rule, by: Barrier['by']): Barrier['accepted'] {
  const verdict = rule.expr.some((s) => 'accept' in s)
  // firewalld sends a zone's sources to the zone's chains.
  const target = rule.expr.flatMap((s) => s.goto?.target ?? s.jump?.target ?? [])[0]
  const trusted = by === 'firewalld' && target !== undefined && /^filter_FWD.*_trusted$/.test(target)
  const matches = rule.expr.flatMap((s) => s.match ?? [])
  const other = rule.expr.some((s) => s.xt !== undefined && s.xt.name !== 'comment')
  const [match] = matches
  if ((!verdict && !trusted) || other || matches.length !== 1 || match?.op !== '==') return []
  const field = (match.left as { payload?: { field?: string } }).payload?.field
  const range = rangeOf(match.right)
  if (!range || (field !== 'saddr' && field !== 'daddr')) return []
  // A zone's sources may also be reached: firewalld forwards within and into a trusted zone.
  if (trusted) return both(range)
  return [{ direction: field === 'saddr' ? 'from' : 'to', range }]
}

const both = (range: Cidr): Barrier['accepted'] => [
  { direction: 'from', range },
  { direction: 'to', range },
]

/** nft writes a range as a prefix and a single address as a text. */
function rangeOf(right: unknown): Cidr | undefined {
  const { prefix } = right as { prefix?: { addr: string; len: number } }
  const parsed = prefix ? parseCidr(`${prefix.addr}/${prefix.len}`) : undefined
  return parsed?.ok ? parsed.value : undefined
}

/** From `iptables-legacy -S`; undefined if it lets everything through. */
export function legacyBarrier(v: Family, program: string, rules: string): Barrier | undefined {
  const all = rules.split('\n')
  const end = all.findIndex((l) =>
    /^-A FORWARD (-m comment --comment .* )?-j (DROP|REJECT)( --reject-with \S+)?$/.test(l),
  )
  const policy = all.includes('-P FORWARD DROP')
  if (!policy && end < 0) return undefined
  const lines = all.filter((l, i) => !l.startsWith('-A FORWARD') || end < 0 || i < end)
  const chains = lines.flatMap((l) => /^-N (\S+)$/.exec(l)?.[1] ?? [])
  const by = ownerOf({ family: v === 4 ? 'ip' : 'ip6', name: 'filter' }, chains)
  return {
    by,
    where: `chain FORWARD of ${program}, ${policy ? 'policy DROP' : 'its last word is to refuse'}`,
    families: [v],
    accepted: lines.flatMap((line) => {
      const [, flag, text = ''] =
        /^-A \S+ -([sd]) (\S+)(?: -m comment --comment .*)? -j ACCEPT$/.exec(line) ?? []
      const range = parseCidr(text)
      return range.ok ? [{ direction: flag === 's' ? 'from' : 'to', range: range.value } as const] : []
    }),
    cure: by === 'ufw' ? cures(by) : iptablesCure(by, { 4: program, 6: program }),
  }
}

type ChainName = TableName & { readonly chain: string }
const nowhere: ChainName = { family: '', name: '', chain: '' }

function cures(by: Barrier['by'], at: ChainName = nowhere): Barrier['cure'] {
  switch (by) {
    case 'firewalld':
      return (ranges) => [
        ...ranges.map((r) => `firewall-cmd --permanent --zone=trusted --add-source=${r}`),
        'firewall-cmd --reload',
      ]
    case 'ufw':
      return (ranges) => ranges.flatMap((r) => [`ufw route allow from ${r}`, `ufw route allow to ${r}`])
    case 'another nft table':
      return (ranges) =>
        ranges.flatMap((r) =>
          ['saddr', 'daddr'].map(
            (field) =>
              `nft insert rule ${at.family} ${at.name} ${at.chain} ${cidrFamily(r) === 4 ? 'ip' : 'ip6'} ${field} ${r} accept`,
          ),
        )
    case 'Docker':
    case 'iptables':
      return iptablesCure(by, { 4: 'iptables', 6: 'ip6tables' })
  }
}

/** Docker keeps DOCKER-USER for others and puts its own rules before whatever else stands in FORWARD. */
function iptablesCure(by: Barrier['by'], programs: Readonly<Record<Family, string>>): Barrier['cure'] {
  const chain = by === 'Docker' ? 'DOCKER-USER' : 'FORWARD'
  return (ranges) =>
    ranges.flatMap((r) => {
      const program = programs[cidrFamily(r)]
      return [`${program} -I ${chain} -s ${r} -j ACCEPT`, `${program} -I ${chain} -d ${r} -j ACCEPT`]
    })
}
