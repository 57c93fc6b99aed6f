// What the kernel holds in a namespace as text that two moments or two runs can be compared by: names instead of
// interface indexes, nothing that ages, nothing that counts.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import type { TestNamespace } from '../namespaces.ts'
import { until } from './until.ts'

export const run = (ns: TestNamespace, ...argv: string[]): string =>
  execFileSync('nsenter', [`--net=${ns.path}`, ...argv], {
    encoding: 'utf8',
    stdio: ['pipe', 'pipe', 'pipe'],
  })

export const shell = (ns: TestNamespace, script: string): string => run(ns, 'sh', '-c', script)

const SECTIONS = [
  ['links', 'ip -d -o link'],
  ['addresses', 'ip -o address'],
  ['routes', 'ip -4 route show table main; ip -6 route show table main'],
  ['neighbours', 'ip neighbour show nud all'],
  ['fdb', 'bridge fdb show'],
  ['qdiscs', 'tc qdisc show'],
  ['nft', 'nft list ruleset'],
] as const

/** @param without lines that match are left out: what the test itself made, or pods not meant */
export function kernelDump(ns: TestNamespace, without: RegExp = /^$/): string {
  const script = SECTIONS.map(([title, command]) => `echo '# ${title}'; ${command}`).join('; ')
  const parts = shell(ns, script).split(/^# /m).slice(1)
  return parts
    .map((part) => {
      const [title = '', ...rest] = part.replace(/,\n\s+/g, ', ').split('\n')
      const lines = rest.map(comparable).filter((l) => isLasting(l) && !without.test(l))
      return `# ${title}\n${(title === 'nft' ? lines : lines.sort()).join('\n')}`
    })
    .join('\n')
}

/** The dump becomes this one; if not, the difference is shown. */
export async function becomes(ns: TestNamespace, wanted: string, without?: RegExp): Promise<void> {
  await until('the kernel holds what it held', () => kernelDump(ns, without) === wanted).catch(() =>
    assert.equal(kernelDump(ns, without), wanted),
  )
}

/** Taken apart so that elements of sets sort, whatever order the kernel hashes them in. */
function comparable(line: string): string {
  const plain = line
    .replace(/^\d+: /, '')
    .replace(/@if\d+/, '')
    .replace(/ (valid_lft|preferred_lft) \S+| tentative/g, '')
    .replace(/ (link-netnsid|qlen|qdisc|state|numtxqueues|numrxqueues) \S+/g, '')
    .replace(/ (REACHABLE|STALE|DELAY|PROBE|NOARP|FAILED|INCOMPLETE|used \S+)/g, '')
    .replace(/packets \d+ bytes \d+/, '')
    .replace(/ timeout \S+ expires [^,}\s]+/g, '')
    .replace(/<[A-Z_,0-9-]+>/, (flags) => flags.replace(/,?LOWER_UP/, ''))
    .trimEnd()
  const elements = /^(\s*elements = \{ )(.*)( \})$/.exec(plain)
  return elements ? `${elements[1]}${(elements[2] ?? '').split(', ').sort().join(', ')}${elements[3]}` : plain
}

/** Multicast memberships and entries that hosts learn of each other come and go by themselves. */
const isLasting = (line: string): boolean =>
  line !== '' &&
  !/33:33:|01:00:5e|ff02::|^224\.|version_/.test(line) &&
  !/^fe80::\S+ dev (eth|podl)\S*( lladdr \S+)?\s*(router)?$/.test(line)
