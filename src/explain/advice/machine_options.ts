// A bigger machine, and more of them.

import type { AdviceOption } from '../../schema/advice.ts'
import { atMost, notCpu, type Situation, unknown, useless } from './option.ts'

const UP = 'scale up: twice the cores'
const OUT = 'scale out: twice the nodes'

export const machineOptions = (situation: Situation): readonly AdviceOption[] => [
  scaleUp(situation),
  scaleOut(situation),
]

function scaleUp({ binding, signs }: Situation): AdviceOption {
  if (binding === 'one-core-softirq')
    return useless(UP, 'the core that is full would still be one; only a faster core or steering relieves it')
  if (binding === 'all-cores' || binding === 'connection-setup') {
    const queues = signs.facts.uplink?.receiveQueues
    if (queues === 1 && signs.facts.uplink?.steering === false)
      return atMost(UP, 2, 'at most: the uplink’s one queue feeds one core, which would be the next limit')
    return atMost(
      UP,
      2,
      'at most; what is lost by sharing was not measured («make bench-surge» does on six cores or more)',
    )
  }
  return useless(UP, notCpu(binding))
}

function scaleOut({ binding, signs }: Situation): AdviceOption {
  if (binding === 'one-core-softirq')
    return {
      ...useless(
        OUT,
        'a flow stays on one core of one node; only flows that move to another node leave this one',
      ),
    }
  if (binding === 'all-cores' || binding === 'connection-setup')
    return atMost(
      OUT,
      2,
      'at most, if half of the load moves; what pods say to each other then crosses nodes',
    )
  if (binding === 'table-pressure') return atMost(OUT, 2, 'half of the connections need half of the room')
  if (binding === 'one-core-thread')
    return unknown(OUT, 'if the application can run in several places; one copy of it stays as fast as it is')
  if (binding === 'queue-budget' && signs.dropped > 0)
    return unknown(OUT, 'smaller bursts might fit; larger queues are cheaper')
  return useless(OUT, notCpu(binding))
}
