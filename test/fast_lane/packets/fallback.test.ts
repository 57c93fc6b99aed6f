import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'
import type { Ip } from '../../../src/base/ip.ts'
import type { SkbRun } from '../../../src/kernel/bpf/test_run.ts'
import { bed, gatewayMac, toStack, uplinkMac, VERDICT } from './bed.ts'
import { ethernet, frameOf, ipPacket, type Segment } from './bytes.ts'
import { extended, fragment4, mapped, ofProtocol, withOptions, withVersion } from './mangled.ts'
import { back, egress, fromPeer, fromPod, ingress, onSegment, tcp, toPeer, tunnelFrom } from './node.ts'
import { families, mac, macOf, outside, peers, podAddress, routerMac, standardTopology } from './topology.ts'

const node = bed({ constants: { have_conntrack: 1 } })
beforeEach(() => {
  node.forget()
  node.lay(standardTopology(node))
})

type Case = readonly [what: string, reason: string, frame: Buffer, skb?: SkbRun['skb']]
const ip = (segment: Omit<Segment, 'protocol'> & Partial<Segment>): Buffer =>
  ipPacket({ protocol: 'tcp', ...segment })

/** Whatever is wrong with the packet itself, in either direction. */
function badPackets(segment: { src: Ip; dst: Ip }, family: 4 | 6): (readonly [string, string, Buffer])[] {
  const whole = ip(segment)
  const all: (readonly [string, string, Buffer])[] = [
    ['a TTL of one', 'reason_ttl', ip({ ...segment, ttl: 1 })],
    ['a TTL of zero', 'reason_ttl', ip({ ...segment, ttl: 0 })],
    ['an unknown protocol', 'reason_header', ofProtocol(whole, 132)],
    ['the other family’s ICMP', 'reason_header', ofProtocol(whole, family === 4 ? 58 : 1)],
    ['an IP version that is not its EtherType’s', 'reason_header', withVersion(whole, 5)],
    [
      'an ICMP message that is neither echo nor error',
      'reason_header',
      ip({ ...segment, protocol: 'echo', type: 13 }),
    ],
  ]
  if (family === 4)
    return [
      ...all,
      ['a first fragment', 'reason_fragment', fragment4(whole, 0x2000)],
      ['a later fragment', 'reason_fragment', fragment4(whole, 185)],
      ['the last fragment of many', 'reason_fragment', fragment4(whole, 0x1fff)],
      ['IP options', 'reason_header', withOptions(whole)],
    ]
  const headers = {
    'hop-by-hop options': 0,
    'a routing header': 43,
    'a fragment': 44,
    'destination options': 60,
  }
  const segmentTcp = { ...segment, protocol: 'tcp' } as const
  const more = Object.entries(headers).map(
    ([name, n]) => [name, 'reason_header', extended(segmentTcp, whole, n)] as const,
  )
  const alike = [
    ['an IPv4-mapped source', 'reason_header', mapped(whole, 8)],
    ['an IPv4-mapped destination', 'reason_header', mapped(whole, 24)],
  ] as const
  return [...all, ...more, ...alike]
}

function check(
  cases: readonly Case[],
  run: (frame: Buffer, skb?: SkbRun['skb']) => ReturnType<typeof ingress>,
): void {
  for (const [what, reason, frame, skb] of cases)
    assert.deepEqual({ what, ...run(frame, skb) }, { what, ...toStack(frame, reason || undefined) })
}

for (const family of families) {
  const ends = toPeer(0, peers.vxlan4, family)
  const atPod = (frame: Buffer, skb?: SkbRun['skb']) =>
    node.run('pod_egress', node.pods[0] ?? node.uplink, frame, skb)

  for (const known of [false, true]) {
    test(`IPv${family} from a pod, ${known ? 'of a known flow' : 'of no known flow'}: bad packets go on untouched`, () => {
      const here = { src: podAddress(0, family), dst: podAddress(1, family) }
      for (const way of [here, toPeer(0, peers.direct, family), ends]) {
        if (known) establish(way)
        check(
          badPackets(way, family).map(([what, reason, packet]) => [what, reason, fromPod(0, packet)]),
          atPod,
        )
      }
    })

    test(`IPv${family} to a pod, ${known ? 'of a known flow' : 'of no known flow'}: bad packets go on untouched`, () => {
      for (const peer of [peers.direct, peers.vxlan4, peers.vxlan6]) {
        const way = toPeer(0, peer, family)
        if (known) establish(way)
        const cases = badPackets(back(way), family).map(
          ([what, reason, packet]): Case => [what, reason, fromPeer(peer, packet)],
        )
        check(cases, (frame) => ingress(node, frame))
      }
    })
  }

  test(`IPv${family} from a pod: what is not its own, or for nobody, goes on untouched`, () => {
    const whole = ip(ends)
    const other = toPeer(1, peers.vxlan4, family)
    check(
      [
        ['another pod’s address', 'reason_sender', fromPod(0, ip(other))],
        ['another MAC', 'reason_sender', frameOf({ to: gatewayMac, from: macOf(1) }, whole)],
        ['an address of nobody', 'reason_sender', fromPod(0, ip({ ...ends, src: outside[family] }))],
        [
          'a remote pod’s address',
          'reason_sender',
          fromPod(0, ip({ ...ends, src: peers.direct.pod[family] })),
        ],
        ['to the outside', 'reason_outside', fromPod(0, ip({ ...ends, dst: outside[family] }))],
        [
          'to a pod that is not there',
          'reason_outside',
          fromPod(0, ip({ ...ends, dst: podAddress(3, family) })),
        ],
        ['to a plain peer', 'reason_lane', fromPod(0, ip(toPeer(0, peers.plain, family)))],
        ['to a limited pod', 'reason_limited', fromPod(0, ip({ ...ends, dst: podAddress(2, family) }))],
      ],
      atPod,
    )
    assert.deepEqual(egress(node, 2, ip(toPeer(2, peers.direct, family))).reasons, ['reason_limited'])
    establish(other)
    check([['another pod’s known flow', 'reason_sender', fromPod(0, ip(other))]], atPod)
  })

  test(`IPv${family} from a pod: larger than the path goes on untouched`, () => {
    const sizes = { direct: 1500, vxlan4: 1450, vxlan6: 1430 } as const
    for (const [name, most] of Object.entries(sizes) as [keyof typeof sizes, number][]) {
      const way = toPeer(0, peers[name], family)
      const header = family === 4 ? 40 : 60
      const sized = (bytes: number): Buffer => fromPod(0, ip({ ...way, data: Buffer.alloc(bytes - header) }))
      assert.equal(atPod(sized(most)).verdict, VERDICT.redirect, `${name} ${most}`)
      const segments = fromPod(0, ip({ ...way, data: Buffer.alloc(3000) }))
      check(
        [
          [name, 'reason_too_big', sized(most + 1)],
          [`segments to ${name}`, 'reason_too_big', segments, { gsoSize: most - header + 1, gsoSegs: 3 }],
        ],
        atPod,
      )
    }
  })

  test(`IPv${family} from the uplink: forged, foreign or misdirected, it goes on untouched`, () => {
    const way = back(ends)
    const whole = ip(way)
    const near = ip(back(toPeer(0, peers.direct, family)))
    const peer = peers.vxlan4
    const cases: readonly Case[] = [
      ['not from the MAC of its node', 'reason_sender', onSegment(routerMac, near)],
      ['direct, from a node whose MAC is unknown', 'reason_sender', onSegment(routerMac, whole)],
      ['direct, with no MAC at all', 'reason_sender', onSegment(mac('00:00:00:00:00:00'), whole)],
      [
        'from another node’s outer address',
        'reason_sender',
        tunnelFrom(peer, whole, { src: peers.plain.address }),
      ],
      ['of a node with another inner source', 'reason_sender', tunnelFrom(peer, near)],
      ['from the outside', 'reason_outside', tunnelFrom(peer, ip({ ...way, src: outside[family] }))],
      [
        'with a source of this node',
        'reason_outside',
        tunnelFrom(peer, ip({ ...way, src: podAddress(1, family) })),
      ],
      [
        'to a pod that is not there',
        'reason_outside',
        tunnelFrom(peer, ip({ ...way, dst: podAddress(3, family) })),
      ],
      ['to a remote pod', 'reason_outside', tunnelFrom(peer, ip({ ...way, dst: peers.direct.pod[family] }))],
      ['to a limited pod', 'reason_limited', tunnelFrom(peer, ip({ ...way, dst: podAddress(2, family) }))],
      ['from a plain peer', 'reason_lane', tunnelFrom(peers.plain, ip(back(toPeer(0, peers.plain, family))))],
      ['a foreign VNI', 'reason_tunnel', tunnelFrom(peer, whole, { vni: 113 })],
      ['other flags', 'reason_tunnel', tunnelFrom(peer, whole, { flags: 0x88 })],
      ['no flag', 'reason_tunnel', tunnelFrom(peer, whole, { flags: 0 })],
      ['a UDP checksum', 'reason_tunnel', tunnelFrom(peer, whole, { sum: 0x1234 })],
      ['another port', 'reason_outside', tunnelFrom(peer, whole, { port: 8472 })],
    ]
    check(cases, (frame) => ingress(node, frame))
    establish(ends)
    check(cases, (frame) => ingress(node, frame))
  })

  test(`IPv${family} from the uplink: to another host’s MAC, or to all, it goes on untouched`, () => {
    const whole = ip(back(ends))
    const near = ip(back(toPeer(0, peers.direct, family)))
    for (const to of ['02:00:00:00:77:77', 'ff:ff:ff:ff:ff:ff', '01:00:5e:00:00:01'].map(mac)) {
      const frames = [
        frameOf({ to, from: peers.direct.hop.mac }, near),
        tunnelFrom(peers.vxlan4, whole, { to }),
      ]
      for (const frame of frames) assert.deepEqual(ingress(node, frame).packet, frame, `to ${to}`)
    }
  })

  test(`IPv${family} in the tunnel: to another node’s outer address, it goes on untouched`, () => {
    const frame = tunnelFrom(peers.vxlan4, ip(back(ends)), { dst: peers.plain.address })
    assert.deepEqual(ingress(node, frame), toStack(frame, 'reason_sender'))
  })

  test(`IPv${family} from the uplink: a flow’s own packet sent back to its peer’s address is not ours`, () => {
    establish(ends)
    establish(toPeer(0, peers.direct, family))
    const frames = [
      tunnelFrom(peers.vxlan4, ip(ends)),
      fromPeer(peers.direct, ip(toPeer(0, peers.direct, family))),
    ]
    for (const frame of frames) assert.deepEqual(ingress(node, frame), toStack(frame, 'reason_sender'))
  })

  test(`IPv${family} multicast and broadcast are the stack’s`, () => {
    const group = { ...ends, dst: family === 4 ? ('224.0.0.251' as Ip) : ('ff02::fb' as Ip) }
    const udp = (way: { src: Ip; dst: Ip }) => ipPacket({ ...way, protocol: 'udp', ports: [5353, 5353] })
    const frame = frameOf({ to: mac('33:33:00:00:00:fb'), from: macOf(0) }, udp(group))
    check([['a group', 'reason_outside', frame]], atPod)
    const heard = { ...group, src: peers.direct.pod[family] }
    check([['a group', 'reason_outside', onSegment(peers.direct.hop.mac, udp(heard))]], (f) =>
      ingress(node, f),
    )
  })
}

test('what is not IP is the stack’s, with nothing changed', () => {
  const junk = Buffer.alloc(60, 3)
  for (const type of [0x0806, 0x8100, 0x88cc, 0x8863]) {
    const fromHere = ethernet({ to: gatewayMac, from: macOf(0) }, type, junk)
    assert.deepEqual(
      node.run('pod_egress', node.pods[0] ?? node.uplink, fromHere),
      toStack(fromHere, 'reason_outside'),
    )
    const heard = ethernet({ to: uplinkMac, from: routerMac }, type, junk)
    const { verdict, packet } = ingress(node, heard)
    assert.deepEqual([verdict, packet], [VERDICT.stack, heard])
  }
})

test('pod_ingress hands on and counts what came through the stack', () => {
  const frame = fromPod(0, tcp(toPeer(0, peers.direct, 4)))
  assert.deepEqual(
    node.run('pod_ingress', node.pods[0] ?? node.uplink, frame),
    toStack(frame, 'reason_from_stack'),
  )
})

/** Seen both ways: the flow is in the table of those that work. */
function establish(way: { src: Ip; dst: Ip }): void {
  const peer = [peers.direct, peers.vxlan4, peers.vxlan6].find((p) => Object.values(p.pod).includes(way.dst))
  const n = way.src === podAddress(1, 4) || way.src === podAddress(1, 6) ? 1 : 0
  assert.equal(egress(node, n, ip(way)).verdict, VERDICT.redirect)
  const answer = ip({ ...back(way), ports: [80, 40_000] })
  const ran = peer ? ingress(node, fromPeer(peer, answer)) : egress(node, 1, answer)
  assert.equal(ran.verdict, VERDICT.redirect)
  assert.equal([...node.map('flows').entries()].length > 0, true)
}
