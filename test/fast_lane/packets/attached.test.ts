// The programs on real links, for what a test run cannot show: where a packet comes out, and what a VLAN tag does.

import assert from 'node:assert/strict'
import { after, beforeEach, test } from 'node:test'
import { must } from '../../../src/base/result.ts'
import { ATTACH, attachToDevice } from '../../../src/kernel/bpf/link.ts'
import { u32 } from '../../../src/kernel/netlink/attribute.ts'
import { getLinkByName, parseLink } from '../../../src/kernel/netlink/link.ts'
import { call, mustCall } from '../../../src/kernel/syscalls.ts'
import { sendFrame } from '../../guard/sockets.ts'
import { bed } from './bed.ts'
import { aged } from './bytes.ts'
import { back, fromPeer, fromPod, outTo, tcp, toPeer, toPod } from './node.ts'
import { families, peers, podAddress, standardTopology } from './topology.ts'

const AF_PACKET = 17
const SOCK_RAW = 3 | 0x80000 | 0x800
const ETH_P_ALL_BIG_ENDIAN = 0x0300
const NAMES = ['pod0', 'pod1', 'pod2', 'up0'] as const

const node = bed({ constants: { have_conntrack: 1 } })
const { beyond } = node
for (const [program, devices] of [
  ['pod_egress', node.pods],
  ['uplink_ingress', [node.uplink]],
] as const)
  for (const device of devices) {
    const link = must(
      node.node.inside(() => attachToDevice(node.program(program), device, ATTACH.TCX_INGRESS)),
    )
    after(() => link.close())
  }
const sockets = new Map(NAMES.map((name) => [name, listen(name)]))

beforeEach(() => {
  node.forget()
  node.lay(standardTopology(node))
  heard()
})

function listen(name: string): number {
  const answer = beyond.route.request(getLinkByName(name))
  const { index } = parseLink((answer.ok && answer.replies[0]) || assert.fail(name))
  const fd = beyond.inside(() => mustCall('socket', AF_PACKET, SOCK_RAW, 0))
  const at = Buffer.alloc(20)
  at.writeUInt16LE(AF_PACKET, 0)
  at.writeUInt16LE(ETH_P_ALL_BIG_ENDIAN, 2)
  at.writeUInt32LE(index, 4)
  mustCall('bind', fd, at, at.length)
  after(() => call('close', fd))
  return fd
}

/** What has come out of which link since it was last asked, in hex. */
function heard(): string[] {
  const out: string[] = []
  for (const [name, fd] of sockets) {
    const data = Buffer.alloc(2048)
    const from = new Uint8Array(20)
    for (;;) {
      const length = call('recvfrom', fd, data, data.length, 0, from, u32(20))
      if (length <= 0) break
      // PACKET_OUTGOING: what we sent ourselves.
      if (from[10] !== 4) out.push(`${name} ${data.toString('hex', 0, length)}`)
    }
  }
  return out
}

const came = (name: string, frame: Buffer): string => `${name} ${frame.toString('hex')}`

for (const family of families) {
  const far = toPeer(0, peers.direct, family)

  test(`IPv${family}: each packet comes out of the link that it is for`, () => {
    const near = tcp({ src: podAddress(0, family), dst: podAddress(1, family) })
    sendFrame(beyond, 'pod0', fromPod(0, near))
    assert.deepEqual(heard(), [came('pod1', aged(toPod(1, near)))])
    sendFrame(beyond, 'pod0', fromPod(0, tcp(far)))
    assert.deepEqual(heard(), [came('up0', aged(outTo(peers.direct.hop.mac, tcp(far))))])
    const answer = tcp(back(far), { ports: [80, 40_000] })
    sendFrame(beyond, 'up0', fromPeer(peers.direct, answer))
    assert.deepEqual(heard(), [came('pod0', aged(toPod(0, answer)))])
  })

  for (const peer of [peers.vxlan4, peers.vxlan6])
    test(`IPv${family} by ${peer.name}: out of a tunnel into the pod, and back into one`, () => {
      const ends = toPeer(1, peer, family)
      const come = tcp(back(ends))
      sendFrame(beyond, 'up0', fromPeer(peer, come))
      assert.deepEqual(heard(), [came('pod1', aged(toPod(1, come)))])
      sendFrame(beyond, 'pod1', fromPod(1, tcp(ends)))
      assert.deepEqual(
        heard().map((line) => line.split(' ')[0]),
        ['up0'],
      )
    })

  test(`IPv${family}: with a VLAN tag nothing is carried, of a known flow neither`, () => {
    const tagged = (frame: Buffer): Buffer =>
      Buffer.concat([frame.subarray(0, 12), Buffer.from([0x81, 0, 0, 5]), frame.subarray(12)])
    const answer = fromPeer(peers.direct, tcp(back(far), { ports: [80, 40_000] }))
    for (const known of [false, true]) {
      if (known) {
        sendFrame(beyond, 'pod0', fromPod(0, tcp(far)))
        sendFrame(beyond, 'up0', answer)
        assert.equal(heard().length, 2)
      }
      sendFrame(beyond, 'pod0', tagged(fromPod(0, tcp(far))))
      sendFrame(beyond, 'up0', tagged(answer))
      assert.deepEqual(heard(), [])
    }
  })
}
