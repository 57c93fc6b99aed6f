// Which kind of device new pods get, by what the config wishes and this kernel can: asked by making a pair once, in a
// namespace that is gone afterwards. Pods that stand keep the device that they have.

import { closeSync, openSync } from 'node:fs'
import { fault, ok, type Result } from '../base/result.ts'
import { errnoName } from '../kernel/errno.ts'
import { addVeth, type PairSpec } from '../kernel/netlink/link.ts'
import type { Answer, Message } from '../kernel/netlink/message.ts'
import { addNetkit } from '../kernel/netlink/netkit.ts'
import { NETLINK_ROUTE, NetlinkSocket } from '../kernel/netlink/socket.ts'
import { withScratchNetns } from '../kernel/netns.ts'
import { gatewayMac } from '../plan/pod_link.ts'
import type { Config } from '../schema/config.ts'
import type { DeviceKind } from '../state/endpoint.ts'

const makers: Readonly<Record<DeviceKind, (spec: PairSpec) => Message>> = {
  veth: addVeth,
  netkit: addNetkit,
}

/** The message that makes both ends. */
export const addPair = (kind: DeviceKind, spec: PairSpec): Message => makers[kind](spec)

/** Asked for by name, netkit is never replaced by veth: a node would run with another datapath than its owner thinks. */
export function choosePodDevice(wish: Config['podDevice']): Result<DeviceKind> {
  if (wish === 'veth') return ok('veth')
  const answer = tryNetkit()
  if (answer.ok) return ok('netkit')
  if (wish === 'auto') return ok('veth')
  return fault(
    'kernel',
    'config key podDevice: netkit',
    'a kernel that makes netkit pairs (6.10 or later with CONFIG_NETKIT)',
    `${errnoName(answer.errno)} ${answer.text}`.trim(),
    'set podDevice to auto or veth and restart the agent, or boot a kernel that has them',
  )
}

function tryNetkit(): Answer {
  return withScratchNetns(() => {
    const socket = new NetlinkSocket(NETLINK_ROUTE)
    const netnsFd = openSync('/proc/thread-self/ns/net', 'r')
    try {
      const peer = { name: 'probe1', mac: gatewayMac, netnsFd }
      return socket.request(addNetkit({ name: 'probe0', mac: gatewayMac, mtuBytes: 1500, group: 0, peer }))
    } finally {
      closeSync(netnsFd)
      socket.close()
    }
  })
}
