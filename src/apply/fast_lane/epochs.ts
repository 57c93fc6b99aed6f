// The epochs of address buckets, in memory shared with the programs: raising one makes them decide again about every
// flow of its addresses, at the next packet.

import { randomInt } from 'node:crypto'
import { type Cidr, cidrBounds, cidrFamily } from '../../base/cidr.ts'
import { type Ip, ipFromBig } from '../../base/ip.ts'
import { mmap } from '../../kernel/addon.ts'
import type { BpfMap } from '../../kernel/bpf/map.ts'
import { BUCKETS } from './abi.ts'
import { addressKey, bucketOf } from './values.ts'

const PROT_READ_WRITE = 3
const MAP_SHARED = 1
/** Elements of array maps stand eight bytes apart. */
const STRIDE = 8

export type Epochs = {
  /** After the rules have changed, never before. */
  readonly raise: (ips: readonly Ip[]) => void
  /** Of every address that may be in the range. */
  readonly raiseRange: (range: Cidr) => void
  readonly raiseAll: () => void
}

export function mapEpochs(map: BpfMap): Epochs {
  const memory = mmap(map.fd, BUCKETS * STRIDE, PROT_READ_WRITE, MAP_SHARED, 0)
  if (typeof memory === 'number') throw new Error(`mmap of map ${map.spec.name}: errno ${-memory}`)
  const words = new Int32Array(memory)
  // A fresh map beside a flow table of before: decisions of that time must not look current.
  if (words.every((word) => word === 0)) words.fill(randomInt(1, 2 ** 30))
  const raiseBucket = (bucket: number): void => {
    Atomics.add(words, (bucket * STRIDE) / words.BYTES_PER_ELEMENT, 1)
  }
  const raiseAll = (): void => {
    for (let bucket = 0; bucket < BUCKETS; bucket++) raiseBucket(bucket)
  }
  return {
    raise: (ips) => {
      for (const ip of ips) raiseBucket(bucketOf(addressKey(ip)))
    },
    raiseRange: (range) => {
      const { first, last } = cidrBounds(range)
      // A range with more addresses than there are buckets touches about all of them.
      if (last - first >= BigInt(BUCKETS)) return raiseAll()
      for (let ip = first; ip <= last; ip++)
        raiseBucket(bucketOf(addressKey(ipFromBig(ip, cidrFamily(range)))))
    },
    raiseAll,
  }
}
