// The pods' record in the kernel: by address, the namespace and whether it has opted in. It stands while nobody has,
// since only an ADD can tell the namespace.

import type { Ip } from '../../base/ip.ts'
import type { Fault } from '../../base/result.ts'
import type { BpfMap } from '../../kernel/bpf/map.ts'
import { layouts } from '../fast_lane/abi.ts'
import { Table } from '../fast_lane/table.ts'
import { addressKey } from '../fast_lane/values.ts'

const { netns, opted, size } = layouts.socket_pod

export class SocketPods {
  readonly #table: Table

  constructor(map: BpfMap) {
    this.#table = new Table(map)
  }

  add(ip: Ip, cookie: bigint, isOpted: boolean): void {
    this.#table.set(addressKey(ip), recordOf(cookie, isOpted))
  }

  remove(ip: Ip): boolean {
    return this.#table.delete(addressKey(ip))
  }

  knows(ip: Ip): boolean {
    return this.#table.get(addressKey(ip)) !== undefined
  }

  /** Whether that is new; false too for a pod that no ADD has told of. */
  setOpted(ip: Ip, isOpted: boolean): boolean | Fault {
    const key = addressKey(ip)
    const value = this.#table.get(key)
    return value ? this.#table.set(key, recordOf(value.readBigUInt64LE(netns.at), isOpted)) : false
  }

  /** Removes all others. */
  keep(ips: readonly Ip[]): void {
    const wanted = new Set(ips.map((ip) => addressKey(ip).toString('latin1')))
    for (const key of this.#table.keys()) if (!wanted.has(key.toString('latin1'))) this.#table.delete(key)
  }

  get opted(): number {
    return this.#table.values().filter((value) => value.readUInt32LE(opted.at) === 1).length
  }
}

function recordOf(cookie: bigint, isOpted: boolean): Buffer {
  const out = Buffer.alloc(size)
  out.writeBigUInt64LE(cookie, netns.at)
  out.writeUInt32LE(isOpted ? 1 : 0, opted.at)
  return out
}
