// Network namespaces for one test: made with unique names, removed with everything inside when the test ends.

import { closeSync } from 'node:fs'
import { NETLINK_ROUTE, NetlinkSocket } from '../src/kernel/netlink/socket.ts'
import { createNetns, openNetns, removeNetns, withNetns } from '../src/kernel/netns.ts'

/** Of a test, or of a file's tests: what is to be done when it ends. */
export type Lifetime = { readonly after: (work: () => void) => void }

let made = 0

export type TestNamespace = {
  readonly path: string
  readonly fd: number
  /** Runs synchronous work inside. */
  readonly inside: <T>(work: () => T) => T
  readonly route: NetlinkSocket
}

export function testNamespace(t: Lifetime): TestNamespace {
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
