// Forward rules of the host that packets in the fast lane do not meet, counted by chain. kube-proxy's are left out: they
// are about Services, and a flow that the host translates is never in the fast lane. PURE.

import type { HostRules } from './host_rules.ts'

export type PassedRules = { readonly where: string; readonly rules: number }

type Chain = { readonly name: string; readonly hook?: string }
type Statement = { readonly jump?: { readonly target: string }; readonly goto?: { readonly target: string } }
type Rule = { readonly chain: string; readonly expr: readonly Statement[] }
type Listing = { readonly nftables: readonly { readonly chain?: Chain; readonly rule?: Rule }[] }

const KUBE_PROXY_TABLE = 'kube-proxy'
const isKubeProxy = (chain: string): boolean => chain.startsWith('KUBE-')

/** One for each chain at the forward hook that has rules; those of the chains that it leads to count with it. */
export const passedRules = ({ nft, legacy }: HostRules): PassedRules[] =>
  [
    ...nft.flatMap(({ table, listing }) => {
      if (table.name === KUBE_PROXY_TABLE) return []
      const { nftables } = JSON.parse(listing) as Listing
      const rules = nftables.flatMap(({ rule }) =>
        rule ? [{ chain: rule.chain, leadsTo: targets(rule) }] : [],
      )
      const bases = nftables.flatMap(({ chain }) => (chain?.hook === 'forward' ? [chain.name] : []))
      return bases.map((base) => ({
        where: `chain ${base} of table ${table.family} ${table.name}`,
        rules: countFrom(base, rules),
      }))
    }),
    ...legacy.map(({ program, rules }) => ({
      where: `chain FORWARD of ${program}`,
      rules: countFrom('FORWARD', legacyRules(rules)),
    })),
  ].filter((p) => p.rules > 0)

type Step = { readonly chain: string; readonly leadsTo: readonly string[] }

const targets = ({ expr }: Rule): string[] =>
  expr.flatMap((s) => [s.jump?.target ?? [], s.goto?.target ?? []].flat())

const legacyRules = (text: string): Step[] =>
  text.split('\n').flatMap((line) => {
    const [, chain] = /^-A (\S+)/.exec(line) ?? []
    const [, target] = / -[jg] (\S+)/.exec(line) ?? []
    return chain === undefined ? [] : [{ chain, leadsTo: target === undefined ? [] : [target] }]
  })

/** A rule that only leads to another chain counts by what stands there. */
function countFrom(base: string, rules: readonly Step[]): number {
  const chains = new Set(rules.map((r) => r.chain))
  const reached = new Set([base])
  let count = 0
  for (const chain of reached) {
    for (const rule of rules.filter((r) => r.chain === chain)) {
      const known = rule.leadsTo.filter((t) => chains.has(t) || isKubeProxy(t))
      if (known.length === 0) count++
      for (const t of known) if (!isKubeProxy(t)) reached.add(t)
    }
  }
  return count
}
