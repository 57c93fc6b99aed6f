// What passes an interface, taken from a packet socket: the MACs, and the packet's addresses, those inside VXLAN too.

import { type Ip, ipFromBytes } from '../../src/base/ip.ts'
import { type Mac, macFromBytes } from '../../src/base/mac.ts'
import { poll, READABLE } from '../../src/kernel/addon.ts'
import { be16, concat, u32 } from '../../src/kernel/netlink/attribute.ts'
import { call, mustCall } from '../../src/kernel/syscalls.ts'
import { linkOf } from '../guard/cluster.ts'
import type { TestNamespace } from '../namespaces.ts'

const AF_PACKET = 17
const SOCK_RAW = 3 | 0x80000 | 0x800
const ETH_P_ALL = 3
const PACKET_OUTGOING = 4
const SO_RCVBUFFORCE = 33
const UDP = 17
const VXLAN_PORT = 4789

export type Addresses = { readonly src: Ip; readonly dst: Ip }
export type Frame = {
  readonly from: Mac
  readonly to: Mac
  /** Sent by the namespace that the interface stands in. */
  readonly isOutgoing: boolean
  /** From the outside in; empty for what is not IP. */
  readonly packets: readonly Addresses[]
}

/** A packet for one of these addresses, in a tunnel or not. */
export const isFor = (frame: Frame, { addresses }: { readonly addresses: readonly Ip[] }): boolean =>
  frame.packets.some((p) => addresses.includes(p.dst))

export class Capture {
  readonly #fd: number
  readonly #frames: Frame[] = []
  readonly #stop: () => void
  readonly #keep: (frame: Frame) => boolean

  /** BOUNDED by what `keep` lets through. */
  constructor(ns: TestNamespace, ifName: string, keep: (frame: Frame) => boolean) {
    this.#keep = keep
    this.#fd = ns.inside(() => mustCall('socket', AF_PACKET, SOCK_RAW, 0))
    mustCall('setsockopt', this.#fd, 1, SO_RCVBUFFORCE, u32(8 << 20), 4)
    const at = concat([
      Uint8Array.of(AF_PACKET, 0),
      be16(ETH_P_ALL),
      u32(linkOf(ns, ifName).index),
      new Uint8Array(12),
    ])
    mustCall('bind', this.#fd, at, at.length)
    this.#stop = poll(this.#fd, READABLE, () => this.#read())
  }

  /** All that passed since it was last asked. */
  take(): Frame[] {
    this.#read()
    return this.#frames.splice(0)
  }

  #read(): void {
    const data = new Uint8Array(256)
    const from = new Uint8Array(20)
    // Cut off after the inner headers; a frame beyond 256 bytes is read as far as that.
    while (call('recvfrom', this.#fd, data, data.length, 0, from, u32(20)) > 0) {
      const frame = { ...frameOf(data), isOutgoing: from[10] === PACKET_OUTGOING }
      if (this.#keep(frame)) this.#frames.push(frame)
    }
  }

  [Symbol.dispose](): void {
    this.#stop()
    call('close', this.#fd)
  }
}

const word = (bytes: Uint8Array, at: number): number => ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)

function frameOf(bytes: Uint8Array): Omit<Frame, 'isOutgoing'> {
  const [to, from] = [macFromBytes(bytes.slice(0, 6)), macFromBytes(bytes.slice(6, 12))]
  return { to, from, packets: packetsOf(word(bytes, 12), bytes.slice(14)) }
}

function packetsOf(etherType: number, packet: Uint8Array): Addresses[] {
  const isSix = etherType === 0x86dd
  if (!isSix && etherType !== 0x0800) return []
  const [src, dst] = isSix
    ? [packet.slice(8, 24), packet.slice(24, 40)]
    : [packet.slice(12, 16), packet.slice(16, 20)]
  const addresses = { src: ipFromBytes(src), dst: ipFromBytes(dst) }
  const payload = packet.slice(isSix ? 40 : ((packet[0] ?? 0) & 15) * 4)
  const isTunnel = packet[isSix ? 6 : 9] === UDP && word(payload, 2) === VXLAN_PORT
  // Behind UDP and VXLAN, eight bytes each, a whole frame.
  return isTunnel ? [addresses, ...frameOf(payload.slice(16)).packets] : [addresses]
}
