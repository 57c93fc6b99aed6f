// Keys and values of the programs' maps, as bpf/abi.h lays them out. Addresses are 16 bytes, IPv4 mapped into IPv6.

import { type Cidr, cidrFamily, cidrLength, cidrNetwork } from '../../base/cidr.ts'
import { bitsOf, familyOf, type Ip, ipBytes } from '../../base/ip.ts'
import { type Mac, macBytes } from '../../base/mac.ts'
import type { FastPod } from '../../plan/fast_lane.ts'
import { BUCKETS, endpointFlags, layouts } from './abi.ts'

const BUCKET_BITS = BigInt(Math.log2(BUCKETS))
/** 2^64 divided by the golden ratio: the multiplier of `bucket_of` in bpf/lib/flow.h. */
const MULTIPLIER = 0x9e3779b97f4a7c15n

export function addressKey(ip: Ip): Buffer {
  const bytes = ipBytes(ip)
  if (bytes.length === 16) return Buffer.from(bytes)
  const out = Buffer.alloc(16)
  out.writeUInt16BE(0xffff, 10)
  out.set(bytes, 12)
  return out
}

/** The bucket whose epoch and share the address has: what `bucket_of` says in the programs. */
export function bucketOf(address: Buffer): number {
  const mixed = (address.readBigUInt64LE(0) ^ address.readBigUInt64LE(8)) * MULTIPLIER
  return Number(BigInt.asUintN(64, mixed) >> (64n - BUCKET_BITS))
}

export function rangeKey(range: Cidr): Buffer {
  const { prefix_length, address, size } = layouts.range_key
  const out = Buffer.alloc(size)
  out.writeUInt32LE(cidrLength(range) + 128 - bitsOf(cidrFamily(range)), prefix_length.at)
  out.set(addressKey(cidrNetwork(range)), address.at)
  return out
}

/** @param slotNumber of its counters; 0: none of its own */
export function endpointValue(pod: FastPod, slotNumber = 0): Buffer {
  const { ifindex, flags, mac, slot, size } = layouts.endpoint
  const out = Buffer.alloc(size)
  out.writeUInt32LE(pod.index, ifindex.at)
  out.writeUInt32LE(pod.limited ? endpointFlags.ENDPOINT_LIMITED : 0, flags.at)
  out.set(macBytes(pod.mac), mac.at)
  out.writeUInt16LE(slotNumber, slot.at)
  return out
}

export function neighbourValue(hopIndex: number, heard: Mac): Buffer {
  const { hop, mac, size } = layouts.neighbour
  const out = Buffer.alloc(size)
  out.writeUInt32LE(hopIndex, hop.at)
  out.set(macBytes(heard), mac.at)
  return out
}

export function indexKey(index: number): Buffer {
  const out = Buffer.alloc(4)
  out.writeUInt32LE(index)
  return out
}

export const isFamily4 = (ip: Ip): boolean => familyOf(ip) === 4
