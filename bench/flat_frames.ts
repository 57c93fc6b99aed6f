// Frames of a flow, as they come to the programs: a TCP acknowledgement with nothing in it. Sums stay zero: the programs
// carry them on and judge none.

import { ipBytes } from '../src/base/ip.ts'
import { macBytes } from '../src/base/mac.ts'
import { PEER_MAC, POD_MAC, UPLINK_MAC } from './flat_world.ts'
import { ip } from './lib/node_namespace.ts'

export type Flow = {
  /** Both as text. */
  readonly pod: string
  readonly remote: string
  readonly podPort: number
  readonly remotePort: number
  readonly peer: number
}

const TCP = 6
const UDP = 17
const ACK = 0x10
const VXLAN_PORT = 4789
const VNI = 112

export const outgoing = (flow: Flow): Buffer =>
  Buffer.concat([ethernet(PEER_MAC, POD_MAC), tcp(flow.pod, flow.remote, flow.podPort, flow.remotePort)])
export const incoming = (flow: Flow): Buffer =>
  Buffer.concat([ethernet(UPLINK_MAC, PEER_MAC), tcp(flow.remote, flow.pod, flow.remotePort, flow.podPort)])

/** The same in the tunnel between two nodes. */
export function tunnelled(flow: Flow, from: string, to: string): Buffer {
  const inner = incoming(flow)
  const udp = Buffer.alloc(16)
  udp.writeUInt16BE(0xc000, 0)
  udp.writeUInt16BE(VXLAN_PORT, 2)
  udp.writeUInt16BE(udp.length + inner.length, 4)
  udp[8] = 0x08
  udp.writeUInt32BE(VNI << 8, 12)
  const bytes = udp.length + inner.length
  return Buffer.concat([ethernet(UPLINK_MAC, PEER_MAC), ipv4(from, to, UDP, bytes), udp, inner])
}

const ethernet = (destination: typeof POD_MAC, source: typeof POD_MAC): Buffer =>
  Buffer.concat([macBytes(destination), macBytes(source), Buffer.from([0x08, 0x00])])

function ipv4(from: string, to: string, protocol: number, bytes: number): Buffer {
  const out = Buffer.alloc(20)
  out[0] = 0x45
  out.writeUInt16BE(out.length + bytes, 2)
  out[8] = 64
  out[9] = protocol
  out.set(ipBytes(ip(from)), 12)
  out.set(ipBytes(ip(to)), 16)
  return out
}

function tcp(from: string, to: string, source: number, destination: number): Buffer {
  const out = Buffer.alloc(20)
  out.writeUInt16BE(source, 0)
  out.writeUInt16BE(destination, 2)
  out[12] = 0x50
  out[13] = ACK
  return Buffer.concat([ipv4(from, to, TCP, out.length), out])
}
