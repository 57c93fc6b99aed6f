// The fast lane for a person: its state, what each lane carried to and from whom, and why packets took the stack.

import { faultText } from '../base/result.ts'
import type { FastLaneView, LaneTraffic, PeerStatus } from '../schema/agent_status.ts'
import { paint, table } from './terminal.ts'

export function fastLaneText(lane: FastLaneView, peers: readonly PeerStatus[]): string {
  return [laneWords(lane), flows(lane), rules(lane), laneTable(lane, peers), reasons(lane)]
    .filter((part) => part !== '')
    .join('\n')
}

/** One line: on or off, and the node's lane with what made it so. */
export function laneWords({ state, fault, attached, lane, why, asked, waitingPods }: FastLaneView): string {
  if (state === 'off') return `${paint('red', 'off')}: ${fault ? faultText({ kind: '', ...fault }) : why}`
  const way = attached === undefined ? '' : ` through ${attached}`
  const fast = asked === 'fast' ? 'fast, asked for by «podlane lane fast»' : 'fast'
  const waiting = waitingPods === undefined ? '' : `; ${waitingPods} new pods wait for their programs`
  return `${paint('green', 'on')}${way}; this node’s lane: ${lane === 'fast' ? fast : `plain, ${why}`}${waiting}`
}

export const laneText = (lane: 'fast' | 'plain' | 'mixed'): string =>
  paint(lane === 'fast' ? 'green' : 'yellow', lane)

/** A row for pods of this node among each other, and one for each peer. */
export function laneTable(own: FastLaneView, peers: readonly PeerStatus[]): string {
  const row = (name: string, lane: string, traffic: LaneTraffic, why: string): readonly string[] => {
    const { sent, received } = traffic
    return [name, lane, ...[sent.fast, received.fast, sent.plain, received.plain].map(countText), why]
  }
  const rows = [
    ...(own.here ? [row('this node', laneText(own.lane), own.here, own.why)] : []),
    ...peers.flatMap(({ name, lane }) =>
      lane ? [row(name, laneText(lane.lane), lane, lane.why)] : [[name, '-', '-', '-', '-', '-', 'no path']],
    ),
  ]
  return table(['TO', 'LANE', 'FAST SENT', 'RECEIVED', 'PLAIN SENT', 'RECEIVED', 'WHY'], rows)
}

const countText = ({ packets, bytes }: { packets: number; bytes: number }): string =>
  packets === 0 ? '0' : `${packets} (${bytesText(bytes)})`

function bytesText(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  let n = bytes
  while (n >= 1000 && units.length > 1) {
    n /= 1000
    units.shift()
  }
  return `${n < 10 && n !== bytes ? n.toFixed(1) : Math.round(n)} ${units[0]}`
}

function flows({ flows: f }: FastLaneView): string {
  if (!f) return ''
  const taken = `${f.entries} of ${f.most} flows in the table (${f.pressurePercent} %)`
  return `${taken}, ${f.waiting} of ${f.mostWaiting} without an answer yet`
}

function rules({ hostRules }: FastLaneView): string {
  if (hostRules.length === 0) return ''
  const named = hostRules.map((r) => `${r.rules} of ${r.where}`).join(', ')
  return `${paint('yellow', '!')} forward rules of the host that packets in the fast lane do not meet: ${named}\n  ${paint('cyan', 'if they are meant for pods:')} podlane lane plain`
}

function reasons(lane: FastLaneView): string {
  const rows = lane.reasons.filter((r) => r.packets > 0).map((r) => [`${r.packets}`, r.why, r.name])
  return rows.length === 0 ? '' : `\n${table(['PACKETS', 'WHY NOT IN THE FAST LANE', 'COUNTER'], rows)}`
}
