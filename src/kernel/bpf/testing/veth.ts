// Where tests attach programs: a veth pair whose other end sends a frame when asked to, and a place for pins.

import assert from 'node:assert/strict'
import { rmdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { testNamespace } from '../../../../test/namespaces.ts'
import type { IfIndex } from '../../../base/ifindex.ts'
import { parseMac } from '../../../base/mac.ts'
import { must } from '../../../base/result.ts'
import { addVeth, getLinkByName, parseLink, setLink } from '../../netlink/link.ts'
import type { Message } from '../../netlink/message.ts'
import { call, mustCall } from '../../syscalls.ts'
import { ensureBpffs, isBpffs } from '../bpffs.ts'
import { closeFd, cString } from '../command.ts'
import { FRAME, type Lifetime } from './counter.ts'

const AF_PACKET = 17
const SOCK_RAW = 3

/** `node0` of the node, `eth0` in the pod; both up. */
export function vethIn(t: Parameters<typeof testNamespace>[0]) {
  const node = testNamespace(t)
  const pod = testNamespace(t)
  // Else the pod tells its multicast groups when it likes (MLD), and a program counts that too.
  for (const namespace of [node, pod])
    namespace.inside(() => writeFileSync('/proc/sys/net/ipv6/conf/default/disable_ipv6', '1'))
  const accept = (message: Message) => {
    const answer = node.route.request(message)
    assert.ok(answer.ok, `${message.object}: ${JSON.stringify(answer)}`)
    return answer
  }
  accept(
    addVeth({
      name: 'node0',
      mac: must(parseMac('02:70:6c:00:00:01')),
      mtuBytes: 1500,
      group: 0,
      peer: { name: 'eth0', mac: must(parseMac('02:70:6c:00:00:02')), netnsFd: pod.fd },
    }),
  )
  const link = (): IfIndex =>
    parseLink(accept(getLinkByName('node0')).replies[0] ?? assert.fail('no link')).index
  const peer = pod.route.request(setLink('eth0', { up: true, noLinkLocal: true }))
  accept(setLink('node0', { up: true, noLinkLocal: true }))
  assert.ok(peer.ok)
  const eth0 = pod.route.request(getLinkByName('eth0'))
  const out = parseLink((eth0.ok && eth0.replies[0]) || assert.fail('no eth0')).index
  /** One frame out of the pod: the node's ingress sees it before this returns. */
  const send = () =>
    pod.inside(() => {
      const fd = mustCall('socket', AF_PACKET, SOCK_RAW, 0)
      const to = Buffer.alloc(20)
      to.writeUInt16LE(AF_PACKET, 0)
      to.writeInt32LE(out, 4)
      mustCall('sendto', fd, FRAME, FRAME.length, 0, to, to.length)
      closeFd(fd)
    })
  return { node, accept, device: link(), send }
}

/** A folder to pin things in, until the test ends. */
export function bpffsIn(t: Lifetime): string {
  const root = `${tmpdir()}/podlane-bpffs-${process.pid}`
  const path = must(ensureBpffs(root, 'podlane'))
  t.after(() => {
    call('umount2', cString(root), 0)
    rmdirSync(root)
  })
  assert.ok(isBpffs(path))
  return path
}
