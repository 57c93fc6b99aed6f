// Cheaper packets: the other lane, the other path, larger packets.

import type { AdviceOption } from '../../schema/advice.ts'
import type { LoadProfile } from '../../schema/load_facts.ts'
import type { Estimate } from '../capacity/estimate.ts'
import { gainOf } from '../capacity/serial.ts'
import { atMost, helps, isCpuBound, notCpu, type Situation, unknown, useless } from './option.ts'
import { added, PLAIN_STAGES, packetShare, savedShare, shareOfStages, TUNNEL_STAGES } from './shares.ts'
import { percent, rate } from './signs.ts'

const LANE = 'fast lane for what is plain'
const PATH = 'direct path instead of VXLAN'
const JUMBO = 'jumbo frames (MTU 9000)'
const JUMBO_BYTES = 9000
/** Smaller than that part of the MTU: not filled packets, but small messages. */
const FILLED = 0.6
const NEARLY_ALL = 0.98

export const pathOptions = (situation: Situation): readonly AdviceOption[] => [
  lane(situation),
  path(situation),
  jumbo(situation),
]

type Path = LoadProfile['paths'][number]
const measured = (profile: LoadProfile | undefined, is: (p: Path) => boolean): Path | undefined =>
  profile?.paths.find((p) => is(p) && p.packets > 0)

function lane({ signs, binding }: Situation): AdviceOption {
  if (signs.packets === 0) return unknown(LANE, 'pods exchange no packets')
  if (signs.fastShare >= NEARLY_ALL) return useless(LANE, `${percent(signs.fastShare)} of packets are in it`)
  if (!isCpuBound(binding)) return useless(LANE, notCpu(binding))
  const { profile } = signs.facts
  const pairs = (['vxlan', 'direct', 'here'] as const).map((kind) => [
    measured(profile, (p) => p.path === kind && p.lane === 'plain'),
    measured(profile, (p) => p.path === kind && p.lane === 'fast'),
  ])
  return (
    byBoth(LANE, profile, pairs) ??
    atMostBy(LANE, shareOfStages(profile, [...PLAIN_STAGES, ...TUNNEL_STAGES]), 'stages that it leaves out')
  )
}

function path({ signs, binding }: Situation): AdviceOption {
  if (signs.packets === 0) return unknown(PATH, 'pods exchange no packets')
  if (signs.tunnelShare === 0) return useless(PATH, 'no packet goes through a tunnel')
  if (!isCpuBound(binding)) return useless(PATH, notCpu(binding))
  const { profile } = signs.facts
  const pairs = (['plain', 'fast'] as const).map((word) => [
    measured(profile, (p) => p.path === 'vxlan' && p.lane === word),
    measured(profile, (p) => p.path === 'direct' && p.lane === word),
  ])
  return (
    byBoth(PATH, profile, pairs) ??
    atMostBy(PATH, shareOfStages(profile, TUNNEL_STAGES), 'encapsulation and decapsulation')
  )
}

/** Undefined where no pair of costs has been measured. */
function byBoth(
  name: string,
  profile: LoadProfile | undefined,
  pairs: readonly (readonly (Path | undefined)[])[],
): AdviceOption | undefined {
  const known = pairs.flatMap(([dear, cheap]) => (dear && cheap ? [[dear, cheap] as const] : []))
  if (!profile || known.length === 0) return undefined
  const saved = known.map(([dear, cheap]) => savedShare(profile, dear, cheap)).reduce(added)
  return helps(name, gainOf(saved), `measured here: ${known.map(([d, c]) => both(d, c)).join('; ')}`)
}

const both = (dear: Path, cheap: Path): string =>
  `${rate(dear.nsPerPacket)} ns a packet on ${dear.path} ${dear.lane}, ${rate(cheap.nsPerPacket)} on ${cheap.path} ${cheap.lane}`

function atMostBy(name: string, share: Estimate | undefined, what: string): AdviceOption {
  if (!share) return unknown(name, 'no stage profile of this load («podlane profile»)')
  return atMost(name, gainOf(share).high, `at most: ${what} take ${percent(share.value)} of the busy time`)
}

function jumbo({ signs, binding }: Situation): AdviceOption {
  const { uplink, profile } = signs.facts
  if (!uplink) return unknown(JUMBO, 'there is no uplink')
  if (uplink.mtuBytes >= JUMBO_BYTES) return useless(JUMBO, `the uplink’s MTU is ${uplink.mtuBytes}`)
  if (signs.packets === 0) return unknown(JUMBO, 'pods exchange no packets')
  if (signs.bytesPerPacket < uplink.mtuBytes * FILLED)
    return useless(
      JUMBO,
      `packets have ${Math.round(signs.bytesPerPacket)} bytes on average: messages, not streams`,
    )
  if (!isCpuBound(binding)) return useless(JUMBO, notCpu(binding))
  const share = packetShare(profile)
  if (!share) return unknown(JUMBO, 'no stage profile of this load («podlane profile»)')
  const most = gainOf(share, JUMBO_BYTES / uplink.mtuBytes).high
  return atMost(
    JUMBO,
    most,
    'at most, if every node and switch on the way takes them; GRO and TSO leave less',
  )
}
