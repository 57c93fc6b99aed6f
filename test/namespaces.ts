// Network namespaces for one test: made with unique names, removed with everything inside when the test ends.

import { closeSync } from 'node:fs'
import type { TestContext } from 'node:test'
import { NETLINK_ROUTE, NetlinkSocket } from '../src/kernel/netlink/socket.ts'
import { createNetns, openNetns, removeNetns, withNetns } from '../src/kernel/netns.ts'

let made = 0

export type TestNamespace = {
  readonly path: string
  readonly fd: number
  /** Runs synchronous work inside. */
  readonly inside: <T>(work: () => T) => T
  readonly route: NetlinkSocket
}

export function testNamespace(t: TestContext): TestNamespace {
  const path = `/run/podlane-test/${process.pid}-${made++}`
  createNetns(path)
  const fd = openNetns(path)
  const inside = <T>(work: () => T): T => withNetns(fd, work)
  const route = inside(() => new NetlinkSocket(NETLINK_ROUTE))
  t.after(() => {
    route.close()
    closeSync(fd)
    removeNetns(path)
  })
  return { path, fd, inside, route }
}
