import assert from 'node:assert/strict'
import { test } from 'node:test'
import { err, ok } from '../../base/result.ts'
import { STAGES } from '../../schema/stages.ts'
import { reportPage } from './page.ts'
import {
  refusal,
  sampleNode,
  samplePaths,
  samplePeers,
  sampleReport,
  silentNode,
} from './testing/sample_facts.ts'
import { sampleProfile } from './testing/sample_profile.ts'
import { sampleSurge } from './testing/sample_surge.ts'

const HOSTILE = `"><script>alert(1)</script><img src=x onerror='alert(2)'>\u202egnp.exe`

/** Every text in it, however deep, becomes hostile. Words that are picked from a list stay. */
function spoilt<T>(value: T, keep: readonly string[]): T {
  const walk = (part: unknown): unknown => {
    if (typeof part === 'string') return keep.includes(part) ? part : `${part}${HOSTILE}`
    if (Array.isArray(part)) return part.map(walk)
    if (typeof part !== 'object' || part === null) return part
    return Object.fromEntries(Object.entries(part).map(([key, inner]) => [key, walk(inner)]))
  }
  return walk(value) as T
}

const PICKED: readonly string[] = [
  ...STAGES,
  'direct',
  'vxlan',
  'here',
  'none',
  'other',
  'fast',
  'plain',
  'up',
  'down',
  'ready',
  'not-ready',
  'samples',
  'sure',
  'weak',
  'helps',
  'does not help',
  'not known',
  'not possible',
  'packets',
  'nothing',
]

test('nothing that an agent, a file or a host name says can become markup', () => {
  const peers = samplePeers(9, 3)
  const node = sampleNode(peers, {
    ready: { state: 'not-ready', why: 'why', next: 'next' },
    source: { kind: 'static', synced: true, lostSinceMs: 1, message: 'lost' },
    complaints: [{ object: 'o', wanted: 'w', found: 'f', next: 'n' }],
  })
  const facts = sampleReport([
    node,
    { ...node, paths: err(refusal), profile: err(refusal), advice: err(refusal) },
    silentNode(),
  ])
  const page = reportPage(spoilt(facts, PICKED))
  assert.ok(page.includes('&lt;script&gt;alert(1)'))
  assert.doesNotMatch(page, /<script|<img|onerror='|\u202e/)
  // What is left between angle brackets is this program's own, with attributes of its own.
  const tags = new Set([...page.matchAll(/<([a-z0-9]+)/g)].map((m) => m[1]))
  assert.ok(tags.has('svg') && !tags.has('iframe'))
  const attributes = [...page.matchAll(/<[a-z0-9]+((?:\s[a-z][a-z0-9-]*(?:="[^"]*")?)*)\s*\/?>/gi)].length
  assert.equal(attributes, [...page.matchAll(/<[a-z0-9]/gi)].length, 'a tag does not end as it was written')
})

test('a part that the agent does not offer is named with the reason, and no figure stands in its place', () => {
  const node = {
    ...sampleNode(samplePeers(3, 2)),
    paths: err(refusal),
    profile: err(refusal),
    advice: err(refusal),
  }
  const page = reportPage(sampleReport([node], { surge: err(refusal) }))
  assert.equal(page.split('not measured:</strong> /profile: this agent does not offer it').length - 1, 4)
  // The status still knows the paths.
  assert.match(page, /Paths, as the status knows them/)
  assert.doesNotMatch(page, /RTT|CPU time by stage|<figure/)
})

test('a node that does not answer has a section that says so, and no cards or tables', () => {
  const page = reportPage(sampleReport([silentNode()], { surge: err(refusal) }))
  assert.match(page, /no answer/)
  assert.match(page, /connect ENOENT/)
  assert.doesNotMatch(page, /<table|class="card/)
})

test('the page refers to nothing outside itself and has no script', () => {
  const page = reportPage(sampleReport([sampleNode(samplePeers(5, 2))]))
  assert.doesNotMatch(page, /<script|<link|<iframe|@import|url\(|https?:|src=/i)
  assert.match(page, /default-src 'none'/)
})

test('the same facts give the same bytes', () => {
  const facts = sampleReport([sampleNode(samplePeers(40, 4))])
  assert.equal(reportPage(facts), reportPage(facts))
})

test('an interval without packets, a load of nothing and a cluster of one have words instead of pictures', () => {
  const idle = { ...sampleProfile(), paths: [], stages: [], pods: [], others: [], packetNs: 0, samples: 0 }
  const node = { ...sampleNode([]), profile: ok(idle), paths: ok(samplePaths([])) }
  const empty = { paths: sampleSurge().paths.map((p) => ({ ...p, steps: [] })) }
  const page = reportPage(sampleReport([node], { surge: ok(empty) }))
  assert.match(page, /No other node is known/)
  assert.match(page, /No path carried packets/)
  assert.doesNotMatch(page, /NaN|Infinity|undefined/)
})

test('of a thousand peers the page shows groups, the sick paths first, and folds the rest away', () => {
  const page = reportPage(sampleReport([sampleNode(samplePeers(1000, 40))]))
  assert.equal([...page.matchAll(/<li class="card /g)].length, 10)
  assert.match(page, /960 more paths/)
  assert.ok(page.indexOf('MTU black hole') < page.indexOf('worker-3<'))
  assert.equal([...page.matchAll(/<circle cx|class="wrong"/g)].length >= 1000, true)
  assert.ok(page.length < 1e6, `${page.length} bytes`)
})

test('a profile of counters alone shows no zero for what it does not know', () => {
  const node = sampleNode(samplePeers(3, 2))
  const profile = sampleProfile()
  const paths = profile.paths.map(({ path, lane, packets }) => ({ path, lane, packets, stages: [] }))
  const stages = profile.stages.map((s) =>
    ['ebpf', 'other'].includes(s.stage) ? s : { ...s, ns: 0, share: 0 },
  )
  const page = reportPage(
    sampleReport([{ ...node, profile: ok({ ...profile, source: 'counters', paths, stages }) }]),
  )
  assert.match(page, /What a packet costs is not known without samples/)
  const at = page.indexOf('CPU time by stage')
  assert.ok(at > 0)
  const rows = page.slice(at)
  assert.doesNotMatch(rows.slice(0, rows.indexOf('</table>')), />0.(ns|%)</)
  assert.doesNotMatch(page, /measuring took/)
})
