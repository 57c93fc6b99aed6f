// A profile for people: bars of the stages, what a packet costs on each path, the dearest pods. Pure but for colours.

import {
  isKnown,
  type PathRow,
  type PodCost,
  type ProfileReport,
  type StageCost,
} from '../schema/profile_report.ts'
import { STAGE_WORDS } from '../schema/stages.ts'
import { paint, table } from './terminal.ts'

const BAR_LETTERS = 24
const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉']
const MOST_PODS = 10
/** Stages of a path that are worth a word. */
const MOST_STAGES = 4

export function profileText(report: ProfileReport): string {
  return [
    headText(report),
    stagesText(report),
    othersText(report),
    report.paths.length > 0 ? pathsText(report.paths) : '',
    report.pods.length > 0 ? podsText(report.pods) : '',
    [
      ...report.missing.map((m) => `${paint('yellow', 'missing')} ${m}`),
      ...(report.source === 'samples' ? [ownText(report)] : []),
    ].join('\n'),
  ]
    .filter((part) => part !== '')
    .join('\n\n')
}

function headText({ seconds, cpus, hz, samples, source, packetNs, cpu, rest }: ProfileReport): string {
  const cores = (ns: number): string => `${(ns / seconds / 1e9).toFixed(2)} cores`
  const how = source === 'samples' ? `${samples} samples, ${hz} a second and core` : 'counters alone'
  return [
    `${paint('bold', 'packets')} ${cores(packetNs)} of ${cpus}, over ${seconds.toFixed(seconds < 10 ? 1 : 0)} s (${how})`,
    `${paint('dim', 'machine')} busy ${cores(cpu.busyNs)}: ${cores(rest.userNs)} in user mode, ${cores(rest.kernelNs)} in the kernel for other purposes`,
  ].join('\n')
}

function stagesText({ stages, seconds }: ProfileReport): string {
  const shown = stages.filter((s) => s.ns > 0).sort((a, b) => b.ns - a.ns)
  if (shown.length === 0) return 'no packet was met'
  const most = Math.max(...shown.map((s) => s.share))
  return table(
    ['stage', '', 'share', 'ms/s', '95 %'],
    shown.map((s) => [STAGE_WORDS[s.stage], bar(s.share / most), percent(s.share, 1), ...times(s, seconds)]),
  )
}

/** Interrupts cannot be told from what they interrupt. */
const ownText = ({ own }: ProfileReport): string =>
  `${paint('dim', 'measuring took')} ${percent(own.share, 2)} of one core, and its interrupts, which are not counted`

const times = ({ ns, lowNs, highNs }: StageCost, seconds: number): string[] => {
  const ms = (value: number): string => (value / seconds / 1e6).toFixed(1)
  return [ms(ns), paint('dim', `${ms(lowNs)} – ${ms(highNs)}`)]
}

function othersText({ others }: ProfileReport): string {
  if (others.length === 0) return ''
  const names = others.map((o) => `${o.symbol} ${(o.ns / 1e6).toFixed(1)} ms`)
  return `${paint('dim', 'other is')} ${names.join(', ')}`
}

const pathsText = (paths: readonly PathRow[]): string =>
  table(
    ['path', 'lane', 'packets', 'ns/packet', '95 %', 'of it'],
    paths.map((p) => [
      p.path,
      p.lane,
      String(p.packets),
      isKnown(p) ? paint('bold', p.nsPerPacket.toFixed(0)) : '-',
      isKnown(p) ? paint('dim', `${p.lowNs.toFixed(0)} – ${p.highNs.toFixed(0)}`) : '-',
      p.stages
        .slice(0, MOST_STAGES)
        .map((s) => `${s.stage} ${s.nsPerPacket.toFixed(0)}`)
        .join(', '),
    ]),
  )

function podsText(pods: readonly PodCost[]): string {
  const rows = pods
    .slice(0, MOST_PODS)
    .map((p) => [
      podName(p),
      String(p.packets),
      String(p.bytes),
      (p.ns / 1e6).toFixed(1),
      percent(p.share, 1),
    ])
  const more = pods.length - rows.length
  const text = table(['pod', 'packets', 'bytes', 'CPU ms', 'share'], rows)
  return more > 0 ? `${text}\n${paint('dim', `and ${more} more`)}` : text
}

const podName = ({ namespace, name, addresses }: PodCost): string =>
  name === undefined ? (addresses[0] ?? 'a pod') : `${namespace ?? ''}/${name}`

const percent = (share: number, digits: number): string => `${(share * 100).toFixed(digits)} %`

function bar(share: number): string {
  const eighths = Math.round(share * BAR_LETTERS * 8)
  return '█'.repeat(Math.floor(eighths / 8)) + (EIGHTHS[eighths % 8] ?? '')
}
