// Ways past the kernel. None is worth more than all packet handling of the kernel, and each serves only an application that
// is written for it: so there is a bound at best, never a promise.

import type { AdviceOption } from '../../schema/advice.ts'
import { gainOf } from '../capacity/serial.ts'
import { impossible, isCpuBound, notCpu, type Situation, unknown, useless } from './option.ts'
import { packetShare } from './shares.ts'
import { percent } from './signs.ts'

const XDP = 'AF_XDP'
const DPDK = 'DPDK'
const RDMA = 'RDMA'
/** Drivers whose AF_XDP needs no copy (Linux 6.x: those that set xsk_pool). */
const ZERO_COPY = ['i40e', 'ice', 'ixgbe', 'igb', 'igc', 'mlx5_core', 'stmmac', 'gve', 'virtio_net']
const SOFTWARE = ['veth', 'bridge', 'bond', 'vlan', 'macvlan', 'ipvlan', 'none (a software link)']

export const bypassOptions = (situation: Situation): readonly AdviceOption[] => [
  xdp(situation),
  dpdk(situation),
  rdma(situation),
]

const isSoftware = (driver: string): boolean => SOFTWARE.includes(driver)

function xdp(situation: Situation): AdviceOption {
  const driver = situation.signs.facts.uplink?.driver
  if (driver === undefined) return unknown(XDP, 'the uplink’s driver is not shown here')
  if (isSoftware(driver))
    return impossible(XDP, `the uplink is software (${driver}): there it is slower than the stack`)
  const copies = ZERO_COPY.includes(driver) ? 'without copies' : 'with a copy of each packet'
  return bounded(XDP, situation, `${driver} can, ${copies}`)
}

function dpdk(situation: Situation): AdviceOption {
  const { uplink, bypass } = situation.signs.facts
  if (uplink?.driver === undefined) return unknown(DPDK, 'the uplink’s driver is not shown here')
  if (isSoftware(uplink.driver)) return impossible(DPDK, `the uplink is software (${uplink.driver})`)
  const functions = uplink.virtualFunctions ?? 0
  if (functions === 0 && bypass.hugePages === 0)
    return impossible(DPDK, 'the NIC has no virtual function to give away, and no huge pages are set aside')
  return bounded(
    DPDK,
    situation,
    `${functions} virtual functions, ${bypass.hugePages} huge pages; it takes whole cores`,
  )
}

function rdma(situation: Situation): AdviceOption {
  const { rdmaDevices } = situation.signs.facts.bypass
  if (rdmaDevices.length === 0) return impossible(RDMA, 'no RDMA device here')
  return bounded(RDMA, situation, `${rdmaDevices.join(', ')}; both ends need it`)
}

function bounded(name: string, { signs, binding }: Situation, what: string): AdviceOption {
  if (!isCpuBound(binding) && binding !== 'latency') return useless(name, notCpu(binding))
  const share = packetShare(signs.facts.profile)
  const only = 'only for an application written for it'
  if (!share || binding === 'latency') return unknown(name, `${what}; ${only}`)
  const most = gainOf(share).high
  const why = `${what}; at most, as packet handling takes ${percent(share.value)} of the busy time; ${only}`
  return { name, answer: 'not known', factor: { low: 1, high: most }, why }
}
