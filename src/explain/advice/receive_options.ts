// Where packets are received: steering, queues, tables, and fewer connections.

import type { AdviceOption } from '../../schema/advice.ts'
import { serialCore } from '../capacity/serial.ts'
import { atMost, isCpuBound, type Situation, unknown, useless } from './option.ts'
import { percent, rate } from './signs.ts'

const STEERING = 'receive steering (RSS queues, RPS)'
const QUEUES = 'longer queues and polls (netdev_max_backlog, netdev_budget)'
const TABLES = 'larger tables'
const POOLING = 'connection pooling'

export const receiveOptions = (situation: Situation): readonly AdviceOption[] => [
  steering(situation),
  queues(situation),
  tables(situation),
  pooling(situation),
]

function steering({ binding, signs }: Situation): AdviceOption {
  const { uplink } = signs.facts
  if (binding !== 'one-core-softirq')
    return useless(STEERING, 'no core is full of softirqs while others have room')
  const most = Math.min(signs.cores, 1 / Math.max(signs.busy, 1 / signs.cores))
  const now =
    uplink?.receiveQueues === undefined ? 'queues of the uplink not known' : `${uplink.receiveQueues} queues`
  const rps = uplink?.steering === true ? ', RPS on already' : uplink?.steering === false ? ', RPS off' : ''
  return atMost(
    STEERING,
    most,
    `at most, until all cores are as full (now ${percent(signs.busy)}); one flow stays on one core${flowWords(signs)}; ${now}${rps}`,
  )
}

/** By what a packet costs on the path that most of them take. */
function flowWords({ facts }: Situation['signs']): string {
  const [most] = [...(facts.profile?.paths ?? [])].sort((a, b) => b.packets - a.packets)
  if (!most || most.nsPerPacket <= 0) return ''
  const { value } = serialCore({ value: most.nsPerPacket, low: most.lowNs, high: most.highNs })
  return `, which is some ${rate(value)} packets a second (${most.path}, ${most.lane})`
}

function queues({ binding, signs }: Situation): AdviceOption {
  if (binding === 'queue-budget')
    return unknown(QUEUES, `${rate(signs.dropped)} packets a second would not be lost; the rate itself stays`)
  if (signs.dropped >= 1)
    return useless(
      QUEUES,
      'what is lost is lost because the core has no time; a longer queue is only a longer wait',
    )
  return useless(QUEUES, 'nothing is lost in queues')
}

function tables({ binding }: Situation): AdviceOption {
  if (binding !== 'table-pressure') return useless(TABLES, 'none is full')
  return unknown(
    TABLES,
    'new connections would find room (fastLane.flows, nf_conntrack_max); then something else binds',
  )
}

function pooling({ binding, signs }: Situation): AdviceOption {
  const { connections } = signs.facts
  if (connections === undefined) return unknown(POOLING, 'how many connections pods open cannot be seen here')
  if (binding === 'connection-setup')
    return unknown(POOLING, `${rate(connections)} connections a second would be requests on standing ones`)
  if (binding === 'table-pressure') return unknown(POOLING, 'fewer connections need less room')
  const why = `pods open ${rate(connections)} connections a second`
  return isCpuBound(binding) && connections >= 1000
    ? unknown(POOLING, why)
    : useless(POOLING, `${why}: not what binds`)
}
