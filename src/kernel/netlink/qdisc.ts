// The token bucket (RTM_*QDISC, linux/pkt_sched.h): what holds a pod to its bandwidth.

import type { IfIndex } from '../../base/ifindex.ts'
import { attr, attributes, concat, nest, readText, textAttr, u32Attr } from './attribute.ts'
import { type Message, NLM_F_CREATE, NLM_F_REPLACE } from './message.ts'

const RTM_NEWQDISC = 36
const RTM_DELQDISC = 37
const RTM_GETQDISC = 38
const TC_H_ROOT = 0xffffffff
const HANDLE = 0x00010000
const TCA_KIND = 1
const TCA_OPTIONS = 2
const TCA_TBF = { PARMS: 1, RATE64: 4, BURST: 6 } as const
const LINKLAYER_ETHERNET = 1
/** How long a packet may wait in the bucket's queue before the bucket drops. */
const LATENCY_S = 0.025
/** A large segment must fit, or it would never pass. */
const SMALLEST_BURST_BYTES = 65_536 + 1_514

export type TokenBucket = { readonly bytesPerSecond: number; readonly burstBytes: number }

function header(device: number, handle: number, parent: number): Uint8Array {
  const out = new Uint8Array(20)
  const view = new DataView(out.buffer)
  view.setInt32(4, device, true)
  view.setUint32(8, handle, true)
  view.setUint32(12, parent, true)
  return out
}

export function setTokenBucket(device: IfIndex, bucket: TokenBucket): Message {
  const burst = Math.max(SMALLEST_BURST_BYTES, Math.min(bucket.burstBytes, 0x7fffffff))
  const params = new Uint8Array(36)
  const view = new DataView(params.buffer)
  view.setUint8(1, LINKLAYER_ETHERNET)
  view.setUint32(8, Math.min(bucket.bytesPerSecond, 0xffffffff), true)
  view.setUint32(24, Math.min(0x7fffffff, Math.ceil(bucket.bytesPerSecond * LATENCY_S) + burst), true)
  const rate64 = new Uint8Array(8)
  new DataView(rate64.buffer).setBigUint64(0, BigInt(bucket.bytesPerSecond), true)
  return {
    type: RTM_NEWQDISC,
    flags: NLM_F_CREATE | NLM_F_REPLACE,
    object: `token bucket on link ${device}`,
    body: concat([
      header(device, HANDLE, TC_H_ROOT),
      textAttr(TCA_KIND, 'tbf'),
      nest(TCA_OPTIONS, [
        attr(TCA_TBF.PARMS, params),
        ...(bucket.bytesPerSecond > 0xfffffffe ? [attr(TCA_TBF.RATE64, rate64)] : []),
        u32Attr(TCA_TBF.BURST, burst),
      ]),
    ]),
  }
}

export const delQdisc = (device: IfIndex): Message => ({
  type: RTM_DELQDISC,
  flags: 0,
  object: `qdisc on link ${device}`,
  body: header(device, 0, TC_H_ROOT),
})

export const getQdiscs = (): Message => ({
  type: RTM_GETQDISC,
  flags: 0,
  object: 'qdiscs',
  body: header(0, 0, 0),
})

export function parseQdisc(body: Uint8Array): { readonly device: IfIndex; readonly kind: string } {
  const view = new DataView(body.buffer, body.byteOffset)
  return {
    device: view.getInt32(4, true) as IfIndex,
    kind: readText(attributes(body.subarray(20)).get(TCA_KIND)) ?? '',
  }
}
