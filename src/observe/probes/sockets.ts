// The sockets that probes go by: one on the uplink and one on the tunnel device, for each family. A device that was
// made anew has another index, so its socket is too.

import { type Family, familyOf, type Ip } from '../../base/ip.ts'
import type { Fault } from '../../base/result.ts'
import { poll, READABLE } from '../../kernel/addon.ts'
import { EADDRINUSE, ENODEV, errnoName } from '../../kernel/errno.ts'
import { type Datagram, deviceIndex, openUdpSocket, type UdpSocket } from '../../kernel/udp_socket.ts'
import { VXLAN_LINK } from '../../plan/ownership.ts'
import type { PathKind } from '../../plan/peers.ts'

export type OnDatagram = (kind: PathKind, datagram: Datagram, socket: UdpSocket) => void
type Open = {
  readonly kind: PathKind
  readonly device: string
  readonly index: number
  readonly socket: UdpSocket
  readsLeft: number
  /** Ends the watch; nothing while there is none. */
  end: () => void
}

const FAMILIES: readonly Family[] = [4, 6]
/** So many packets are read before others have their turn. */
const BATCH = 64
/**
 * Of each socket between two ticks: what a thousand peers send is less. When they are spent nobody looks until the next
 * tick, and what a flood has more than the kernel's buffer is dropped there, for nothing.
 */
export const READS_A_TICK = 512
const unwatched = (): void => {}

export class ProbeSockets {
  readonly #port: number
  readonly #onDatagram: OnDatagram
  /** BOUNDED by kinds of paths and families. */
  readonly #open = new Map<string, Open>()
  #faults: readonly Fault[] = []

  constructor(port: number, onDatagram: OnDatagram) {
    this.#port = port
    this.#onDatagram = onDatagram
  }

  get faults(): readonly Fault[] {
    return this.#faults
  }

  of(kind: PathKind, to: Ip): UdpSocket | undefined {
    return this.#open.get(`${kind} ${familyOf(to)}`)?.socket
  }

  /** Opens what is missing and closes what has gone. */
  refresh(uplink: string | undefined, families: ReadonlySet<Family>): void {
    const faults: Fault[] = []
    for (const [kind, device] of [
      ['direct', uplink],
      ['vxlan', VXLAN_LINK],
    ] as const) {
      const index = device === undefined || uplink === undefined ? undefined : deviceIndex(device)
      for (const family of FAMILIES) {
        const isWanted = index !== undefined && (kind === 'vxlan' || families.has(family))
        const fault = this.#settle(kind, family, isWanted ? { device: device ?? '', index } : undefined)
        if (fault) faults.push(fault)
      }
    }
    this.#faults = faults
  }

  /** What may be read until the next one. */
  tick(): void {
    for (const [key, open] of this.#open) {
      if (open.readsLeft === 0) this.#watch(key, open)
      open.readsLeft = READS_A_TICK
    }
  }

  close(): void {
    for (const key of [...this.#open.keys()]) this.#end(key)
  }

  #settle(
    kind: PathKind,
    family: Family,
    want: { readonly device: string; readonly index: number } | undefined,
  ): Fault | undefined {
    const key = `${kind} ${family}`
    const have = this.#open.get(key)
    if (have && have.index === want?.index && have.device === want.device) return undefined
    this.#end(key)
    if (!want) return undefined
    const opened = openUdpSocket(want.device, family, this.#port)
    if (!opened.ok) {
      // A host without IPv6 (EAFNOSUPPORT) has no peers by it, and a device may go at any time.
      const isExpected = opened.error === ENODEV || opened.error === 97
      return isExpected ? undefined : refusedFault(want.device, this.#port, opened.error)
    }
    const open = { ...want, kind, socket: opened.value, readsLeft: READS_A_TICK, end: unwatched }
    this.#watch(key, open)
    this.#open.set(key, open)
    return undefined
  }

  /** An error ends the watch: the next look opens it anew. */
  #watch(key: string, open: Open): void {
    open.end = poll(open.socket.fd, READABLE, (events) => (events < 0 ? this.#end(key) : this.#drain(open)))
  }

  #drain(open: Open): void {
    for (let i = 0; i < BATCH && open.readsLeft > 0; i++) {
      const datagram = open.socket.receive()
      if (!datagram) return
      open.readsLeft--
      this.#onDatagram(open.kind, datagram, open.socket)
    }
    if (open.readsLeft > 0) return
    open.end()
    open.end = unwatched
  }

  #end(key: string): void {
    const open = this.#open.get(key)
    if (!open) return
    open.end()
    open.socket.close()
    this.#open.delete(key)
  }
}

const refusedFault = (device: string, port: number, errno: number): Fault => ({
  kind: 'probes-off',
  object: `probes on ${device}`,
  wanted: `UDP port ${port}`,
  found: errno === EADDRINUSE ? 'another program has it' : errnoName(errno),
  next: 'see «ss -lnup»; stop that program, or set another probes.port on every node',
})
