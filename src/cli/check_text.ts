// What a check has found, as a table that a person enjoys reading: each pod with its address and how it gets to every
// node, and whatever failed below.

import type { CheckReport, Measured } from '../lab/check/check.ts'
import { laneText } from './lane_text.ts'
import { pathText } from './status_text.ts'
import { paint, table } from './terminal.ts'

const EACH =
  '  Each: ICMP, TCP and UDP echo, HTTP with the source address kept, a packet of the path MTU, one byte more refused.'

export function checkText(report: CheckReport): string {
  const { pairs, reached, checks, failed, tookMs } = report
  const all = reached === pairs && failed.length === 0
  const verdict = `${reached} of ${pairs} pairs of pods reached each other; ${checks.passed} of ${checks.asked} checks passed in ${(tookMs / 1000).toFixed(1)} s`
  return [
    podsTable(report),
    ...(failed.length === 0 ? [] : [failures(failed)]),
    `${all ? paint('green', '✓') : paint('red', '✗')} ${verdict}\n${paint('dim', EACH)}`,
  ].join('\n\n')
}

function podsTable({ nodes, measured }: CheckReport): string {
  const head = ['NODE', 'POD', 'ADDRESS', ...nodes.map((n) => `TO ${n.name.toUpperCase()}`)]
  const rows = nodes.flatMap((node) =>
    node.pods
      .filter((p) => !p.hostNetwork)
      .map((pod, i) => {
        const name = `${pod.namespace}/${pod.name}`
        const ways = nodes.map((to) => {
          const there = new Set(to.pods.map((p) => `${p.namespace}/${p.name}`))
          return wayText(measured.filter((m) => m.from === name && there.has(m.to)))
        })
        return [
          i === 0 ? paint('bold', node.name) : '',
          name.replace(/^default\//, ''),
          pod.addresses.join(' '),
          ...ways,
        ]
      }),
  )
  return table(head, rows)
}

/** Path, lane, MTU and the median of the latencies to the pods of one node. */
function wayText(measured: readonly Measured[]): string {
  const [first] = measured
  if (!first) return paint('dim', '-')
  const broken = measured.filter((m) => m.why !== undefined).length
  const { kind, mtuBytes, lane } = first.path
  const way = kind === 'local' ? paint('cyan', kind) : pathText(kind)
  const path = lane === undefined ? way : `${way} ${laneText(lane)}`
  if (broken === measured.length) return `${path} ${paint('red', 'failed')}`
  const latencies = measured.flatMap((m) => m.latencyUs ?? []).sort((a, b) => a - b)
  const median = latencies[Math.floor(latencies.length / 2)]
  const latency = median === undefined ? '' : `${Math.round(median)} µs`
  return `${path} ${mtuBytes} ${latency}${broken > 0 ? paint('red', ` ${broken} failed`) : ''}`
}

const MOST_FAILURES = 20

function failures(failed: CheckReport['failed']): string {
  const lines = failed.slice(0, MOST_FAILURES).map((f) => `${paint('red', '✗')} ${f.from} → ${f.to} ${f.why}`)
  const more = failed.length - lines.length
  return [...lines, ...(more > 0 ? [`and ${more} more`] : [])].join('\n')
}
