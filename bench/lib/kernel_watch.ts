// What stands in a node's kernel, kept by the kernel's own events: routes of Podlane and forwarding entries, each with
// the moment at which a change was heard of.

import { poll, READABLE } from '../../src/kernel/addon.ts'
import { parseFdb } from '../../src/kernel/netlink/neighbour.ts'
import { parseRoute } from '../../src/kernel/netlink/route.ts'
import { NETLINK_ROUTE, NetlinkSocket } from '../../src/kernel/netlink/socket.ts'
import { withNetnsPath } from '../../src/kernel/netns.ts'
import { ROUTE_PROTOCOL } from '../../src/plan/ownership.ts'

const NEIGHBOUR_GROUP = 3
const IPV4_ROUTE_GROUP = 7
const NEWROUTE = 24
const DELROUTE = 25
const NEWNEIGH = 28
const DELNEIGH = 29

export class KernelWatch {
  /** Ranges that have a unicast route of ours. */
  readonly routes = new Set<string>()
  /** Nodes that a forwarding entry leads to. */
  readonly fdb = new Set<string>()
  readonly #stop: () => void
  #waiting: { readonly condition: () => boolean; readonly resolve: (atMs: number) => void }[] = []

  constructor(node: string) {
    const groups = [NEIGHBOUR_GROUP, IPV4_ROUTE_GROUP]
    const socket = withNetnsPath(node, () => new NetlinkSocket(NETLINK_ROUTE, { groups, nonblocking: true }))
    const stop = poll(socket.fd, READABLE, () => this.#hear(socket))
    this.#stop = () => {
      stop()
      socket.close()
    }
  }

  close(): void {
    this.#stop()
  }

  /** When the condition came true, on the clock of `performance.now()`; rejects after `withinMs`. */
  until(what: string, condition: () => boolean, withinMs = 20_000): Promise<number> {
    return new Promise((resolve, reject) => {
      if (condition()) return resolve(performance.now())
      const late = (): void =>
        reject(
          new Error(`${what}: not within ${withinMs} ms (${this.routes.size} routes, ${this.fdb.size} FDB)`),
        )
      const timer = setTimeout(late, withinMs)
      this.#waiting.push({
        condition,
        resolve: (atMs) => {
          clearTimeout(timer)
          resolve(atMs)
        },
      })
    })
  }

  #hear(socket: NetlinkSocket): void {
    const { messages, lost } = socket.drain()
    if (lost) throw new Error('events of the kernel were lost: the receive buffer is too small')
    for (const { type, body } of messages) {
      if (type === NEWROUTE || type === DELROUTE) this.#route(type === NEWROUTE, body)
      else if (type === NEWNEIGH || type === DELNEIGH) this.#neighbour(type === NEWNEIGH, body)
    }
    const now = performance.now()
    const ripe = this.#waiting.filter((w) => w.condition())
    this.#waiting = this.#waiting.filter((w) => !ripe.includes(w))
    for (const w of ripe) w.resolve(now)
  }

  #route(isNew: boolean, body: Uint8Array): void {
    const route = parseRoute(body)
    if (route?.protocol !== ROUTE_PROTOCOL || route.type !== 'unicast') return
    if (isNew) this.routes.add(route.dst)
    else this.routes.delete(route.dst)
  }

  #neighbour(isNew: boolean, body: Uint8Array): void {
    const entry = parseFdb(body)
    if (!entry) return
    if (isNew) this.fdb.add(entry.dst)
    else this.fdb.delete(entry.dst)
  }
}
