import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { FirewallPod, FirewallState } from '../apply/firewall_contract.ts'
import { type Cidr, cidrContains, cidrOf, hostCidr, parseCidr } from '../base/cidr.ts'
import { ifIndex } from '../base/ifindex.ts'
import { type Ip, ipFromBytes, parseIp } from '../base/ip.ts'
import { type Mac, macFromBytes } from '../base/mac.ts'
import { must } from '../base/result.ts'
import type { HostPort } from '../cni/network.ts'
import { type Element, elementKey, ipField } from '../kernel/nft/element.ts'
import { parseConfig } from '../schema/config.ts'
import { type FirewallElements, planFirewall } from './firewall.ts'
import type { Network } from './network.ts'
import type { Peer } from './peers.ts'
import { arpSets, inetSets } from './ruleset.ts'

const ip = (text: string): Ip => must(parseIp(text))
const cidr = (text: string): Cidr => must(parseCidr(text))
const config = must(
  parseConfig('masquerade: { exclude: [10.0.0.0/8, 10.244.0.0/16, 255.255.255.0/24, "fd00::/8"] }', 'test'),
)

const ips = fc.oneof(
  fc.integer({ min: 0, max: 20 }).map((n) => ip(`192.0.2.${n}`)),
  fc.integer({ min: 0, max: 20 }).map((n) => ip(`2001:db8::${n.toString(16)}`)),
)
const ranges = fc.oneof(
  fc
    .tuple(fc.integer({ min: 0, max: 255 }), fc.integer({ min: 22, max: 26 }))
    .map(([n, length]) => cidrOf(ip(`10.244.${n}.0`), length)),
  fc.integer({ min: 0, max: 255 }).map((n) => cidr(`fd00:${n.toString(16)}::/64`)),
  // The very end of the address space: such an interval has no end.
  fc.constantFrom(cidr('255.255.255.0/24'), cidr('ffff:ffff:ffff:ffff::/64')),
)
const macs: fc.Arbitrary<Mac> = fc
  .integer({ min: 0, max: 30 })
  .map((n) => macFromBytes(Uint8Array.of(2, 0, 0, 0, 0, n)))

/** No two nodes have overlapping ranges: settleClaims sees to that. */
const peers = fc.uniqueArray(
  fc.record({
    range: ranges,
    addresses: fc.array(ips, { minLength: 1, maxLength: 3 }),
    direct: fc.boolean(),
  }),
  {
    maxLength: 8,
    selector: (p) => p.range.replace(/\/.*/, '').replace(/^10\.244\.(\d+).*/, (_, n) => `${Number(n) >> 2}`),
  },
)
const hostPorts: fc.Arbitrary<HostPort> = fc.record({
  hostPort: fc.integer({ min: 1, max: 5 }),
  containerPort: fc.integer({ min: 1, max: 65_535 }),
  protocol: fc.constantFrom('tcp', 'udp', 'sctp'),
  hostIp: fc.option(fc.oneof(ips, fc.constantFrom(ip('0.0.0.0'), ip('::'))), { nil: undefined }),
})
const pods: fc.Arbitrary<FirewallPod[]> = fc
  .array(fc.record({ mac: macs, hostPorts: fc.array(hostPorts, { maxLength: 4 }) }), { maxLength: 12 })
  .map((all) =>
    all.map(({ mac, hostPorts: ports }, n) => ({
      index: ifIndex(n + 3),
      mac,
      addresses: [ip(`10.244.1.${n}`), ip(`fd00:1::${n.toString(16)}`)],
      hostPorts: ports.filter(
        (p, i) => ports.findIndex((q) => q.hostPort === p.hostPort && q.protocol === p.protocol) === i,
      ),
    })),
  )

const states: fc.Arbitrary<FirewallState> = fc
  .record({
    peers,
    pods,
    nodeAddresses: fc.array(ips, { maxLength: 6 }),
    own: fc.uniqueArray(ranges, { maxLength: 2 }),
    known: fc.array(fc.tuple(ips, macs), { maxLength: 8 }),
  })
  .map((s) => ({
    network: {
      ownRanges: s.own,
      peers: s.peers.map(
        (p): Partial<Peer> => ({
          addresses: p.addresses,
          onLink: p.direct ? p.addresses : [],
          ranges: [
            {
              cidr: p.range,
              path: p.direct ? 'direct' : 'vxlan',
              usualPath: p.direct ? 'direct' : 'vxlan',
              via: undefined,
              mtuBytes: 1500,
            },
          ],
        }),
      ),
    } as unknown as Network,
    uplink: undefined,
    nodeAddresses: s.nodeAddresses,
    peerMacs: new Map(s.known),
    pods: s.pods,
  }))

const texts = (elements: FirewallElements): Record<string, string[]> =>
  Object.fromEntries(
    (['inet', 'arp'] as const).flatMap((family) =>
      [...elements[family]].map(([set, list]) => [`${family} ${set}`, list.map(elementKey).sort()]),
    ),
  )

test('the elements do not depend on the order in which anything comes', () => {
  fc.assert(
    fc.property(states, (state) => {
      const backwards: FirewallState = {
        ...state,
        network: {
          ...state.network,
          ownRanges: state.network.ownRanges.toReversed(),
          peers: state.network.peers
            .toReversed()
            .map((p) => ({ ...p, addresses: p.addresses.toReversed(), onLink: p.onLink.toReversed() })),
        },
        nodeAddresses: state.nodeAddresses.toReversed(),
        peerMacs: new Map([...state.peerMacs].toReversed()),
        pods: state.pods.toReversed(),
      }
      assert.deepEqual(texts(planFirewall(backwards, config)), texts(planFirewall(state, config)))
    }),
  )
})

test('every set that is planned stands in the tables, and no two of its elements have one key or overlap', () => {
  fc.assert(
    fc.property(states, (state) => {
      const { inet, arp } = planFirewall(state, config)
      for (const [sets, known] of [
        [inet, inetSets],
        [arp, arpSets],
      ] as const)
        for (const [name, elements] of sets) {
          assert.ok(known.has(name), name)
          const isPlain = known.get(name)?.intervals === 'plain'
          const sorted = [...elements].sort((a, b) => Buffer.compare(a.key, b.key))
          for (const [i, e] of sorted.entries()) {
            const next = sorted[i + 1]
            if (next) assert.ok(apart(e, next, isPlain), `${name}: ${elementKey(e)} and ${elementKey(next)}`)
          }
        }
    }),
  )
})

/** A plain interval ends before its `end` and must not touch the next one either; others include it. */
function apart(e: Element, next: Element, isPlain: boolean): boolean {
  if (isPlain) return e.end !== undefined && Buffer.compare(e.end, next.key) < 0
  return Buffer.compare(e.end ?? e.key, next.key) < 0
}

test('an address of a cluster range or of a pod is in cluster_ranges, any other is not', () => {
  fc.assert(
    fc.property(states, fc.oneof(fc.ipV4(), fc.ipV6()), ranges, (state, text, range) => {
      const all = [
        ...state.network.ownRanges,
        ...state.network.peers.flatMap((p) => p.ranges.map((r) => r.cidr)),
        ...state.pods.flatMap((p) => p.addresses.map(hostCidr)),
      ]
      for (const address of [ip(text), ipFromBytes(ipField(must(parseIp(range.replace(/\/.*/, '')))))]) {
        const key = ipField(address)
        const planned =
          planFirewall(state, config).inet.get(`cluster_ranges${key.length === 4 ? 4 : 6}`) ?? []
        const inside = planned.some(
          (e) => Buffer.compare(e.key, key) <= 0 && (!e.end || Buffer.compare(key, e.end) < 0),
        )
        assert.equal(
          inside,
          all.some((c) => cidrContains(c, address)),
        )
      }
    }),
  )
})

test('a pod whose address lies outside the node’s present range is masqueraded as one inside', () => {
  const state: FirewallState = {
    network: { ownRanges: [cidr('10.244.9.0/24')], peers: [] } as unknown as Network,
    uplink: undefined,
    nodeAddresses: [],
    peerMacs: new Map(),
    pods: [
      {
        index: ifIndex(3),
        mac: macFromBytes(Uint8Array.of(2, 0, 0, 0, 0, 1)),
        addresses: [ip('10.244.1.5'), ip('fd00:1::5')],
        hostPorts: [],
      },
    ],
  }
  const { inet } = planFirewall(state, must(parseConfig('', 'test')))
  for (const address of [ip('10.244.1.5'), ip('fd00:1::5')]) {
    const key = ipField(address)
    for (const name of ['own_ranges', 'cluster_ranges', 'unmasqueraded']) {
      const found = inet.get(`${name}${key.length === 4 ? 4 : 6}`) ?? []
      assert.ok(
        found.some((e) => Buffer.compare(e.key, key) === 0),
        `${name}: ${address}`,
      )
    }
  }
})
