// What a node's load shows at a glance: the numbers that verdicts rest on, worked out once.

import type { CoreLoad, LoadFacts } from '../../schema/load_facts.ts'

export type Signs = {
  readonly facts: LoadFacts
  readonly cores: number
  /** 0..1 of all cores' time, and of the fullest core and of the mean of the others. */
  readonly busy: number
  readonly fullest: CoreLoad | undefined
  readonly fullestBusy: number
  readonly othersBusy: number
  readonly steal: number
  /** Packets of pods per second, either direction, as the node handles them. */
  readonly packets: number
  readonly bytesPerPacket: number
  readonly fastShare: number
  readonly tunnelShare: number
  /** Per second: packets that a backlog or the uplink had no room for, and polls that ended before their work. */
  readonly dropped: number
  readonly squeezed: number
  /** The fullest of the tables of flows and connections, 0..1. */
  readonly tables: readonly Table[]
}
export type Table = {
  readonly name: string
  readonly entries: number
  readonly most: number
  readonly refused: number
}

const sum = <T>(list: readonly T[], of: (item: T) => number): number => list.reduce((n, i) => n + of(i), 0)
const ratio = (a: number, b: number): number => (b > 0 ? a / b : 0)

export function signsOf(facts: LoadFacts): Signs {
  const { cores, traffic, uplink } = facts
  const busy = sum(cores, (c) => 1 - c.idle)
  const fullest = [...cores].sort((a, b) => a.idle - b.idle)[0]
  const fullestBusy = fullest ? 1 - fullest.idle : 0
  const packets = sum(traffic, (t) => t.packets)
  const packetsOf = (is: (t: LoadFacts['traffic'][number]) => boolean): number =>
    sum(traffic.filter(is), (t) => t.packets)
  return {
    facts,
    cores: cores.length,
    busy: ratio(busy, cores.length),
    fullest,
    fullestBusy,
    othersBusy: ratio(busy - fullestBusy, cores.length - 1),
    steal: ratio(
      sum(cores, (c) => c.steal),
      cores.length,
    ),
    packets,
    bytesPerPacket: ratio(
      sum(traffic, (t) => t.bytes),
      packets,
    ),
    fastShare: ratio(
      packetsOf((t) => t.lane === 'fast'),
      packets,
    ),
    tunnelShare: ratio(
      packetsOf((t) => t.path === 'vxlan'),
      packets,
    ),
    dropped: sum(cores, (c) => c.dropped) + (uplink?.droppedReceiving ?? 0),
    squeezed: sum(cores, (c) => c.squeezed),
    tables: tablesOf(facts),
  }
}

function tablesOf({ flows, conntrack }: LoadFacts): readonly Table[] {
  return [
    ...(flows
      ? [
          { name: 'the fast lane’s flow table', entries: flows.entries, most: flows.most, refused: 0 },
          {
            name: 'the fast lane’s table of new flows',
            entries: flows.waiting,
            most: flows.mostWaiting,
            refused: 0,
          },
        ]
      : []),
    ...(conntrack ? [{ name: 'connection tracking', ...conntrack }] : []),
  ]
}

export const percent = (share: number): string => `${Math.round(share * 100)} %`
/** Three digits are more than a live figure is worth. */
export const rate = (perSecond: number): string =>
  perSecond >= 1000
    ? Math.round(Number(perSecond.toPrecision(3))).toLocaleString('en')
    : `${Number(perSecond.toPrecision(3))}`
