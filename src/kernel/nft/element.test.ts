import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { testNamespace } from '../../../test/namespaces.ts'
import { parseIp } from '../../base/ip.ts'
import { parseMac } from '../../base/mac.ts'
import { must } from '../../base/result.ts'
import { NETLINK_NETFILTER, NetlinkSocket } from '../netlink/socket.ts'
import {
  addElements,
  batchBegin,
  batchEnd,
  delElements,
  type Element,
  elementKey,
  fields,
  getElements,
  type Intervals,
  ipField,
  joinIntervals,
  joinRanges,
  macField,
  numberField,
  parseElements,
  portField,
  protocolField,
} from './element.ts'

const ip4 = (text: string): Uint8Array => ipField(must(parseIp(text)))
const mac = macField(must(parseMac('02:00:00:00:00:0a')))

type Case = {
  readonly type: string
  readonly intervals?: Intervals
  readonly elements: readonly Element[]
  /** As nft shows them, in JSON. */
  readonly shown: readonly unknown[]
}

const cases: Readonly<Record<string, Case>> = {
  addresses: {
    type: 'type ipv4_addr;',
    elements: [{ key: ip4('10.244.1.2') }],
    shown: ['10.244.1.2'],
  },
  'interface, MAC and IPv6 address': {
    type: 'type iface_index . ether_addr . ipv6_addr;',
    elements: [{ key: fields(numberField(1), mac, ip4('fd00:1::2')) }],
    shown: [{ concat: ['lo', '02:00:00:00:00:0a', 'fd00:1::2'] }],
  },
  'a map from protocol and port to address and port': {
    type: 'type inet_proto . inet_service : ipv4_addr . inet_service;',
    elements: [
      { key: fields(protocolField(17), portField(8053)), data: fields(ip4('10.244.1.2'), portField(53)) },
    ],
    shown: [[{ concat: ['udp', 8053] }, { concat: ['10.244.1.2', 53] }]],
  },
  'plain intervals, the last without end': {
    type: 'type ipv4_addr; flags interval;',
    intervals: 'plain',
    elements: [{ key: ip4('10.244.0.0'), end: ip4('10.244.3.0') }, { key: ip4('255.255.255.0') }],
    shown: [{ range: ['10.244.0.0', '10.244.2.255'] }, { prefix: { addr: '255.255.255.0', len: 24 } }],
  },
  'intervals in a concatenation': {
    type: 'type ether_addr . ipv6_addr; flags interval;',
    intervals: 'concatenated',
    elements: [{ key: fields(mac, ip4('fd00:2::')), end: fields(mac, ip4('fd00:2::ffff:ffff:ffff:ffff')) }],
    shown: [{ concat: ['02:00:00:00:00:0a', { prefix: { addr: 'fd00:2::', len: 64 } }] }],
  },
  'an outer address and what stands further inside of the packet': {
    type: 'typeof ip saddr . @th,336,32; flags interval;',
    intervals: 'concatenated',
    elements: [
      {
        key: fields(ip4('192.0.2.2'), ip4('10.244.2.0')),
        end: fields(ip4('192.0.2.2'), ip4('10.244.2.255')),
      },
    ],
    shown: [{ concat: ['192.0.2.2', { range: [0x0af40200, 0x0af402ff] }] }],
  },
}

for (const [name, { type, intervals = 'none', elements, shown }] of Object.entries(cases)) {
  test(`nft shows what was written, and reading gives it back: ${name}`, (t) => {
    const ns = testNamespace(t)
    const nft = (...argv: string[]): string =>
      ns.inside(() => execFileSync('nft', argv, { encoding: 'utf8' }))
    const kind = type.includes(' : ') ? 'map' : 'set'
    nft(`table inet t { ${kind} s { ${type} }; }`)
    const socket = ns.inside(() => new NetlinkSocket(NETLINK_NETFILTER))
    t.after(() => socket.close())
    const ref = { family: 'inet', table: 't', set: 's' } as const
    const write = (messages: ReturnType<typeof addElements>): void => {
      for (const answer of socket.transaction(batchBegin, messages, batchEnd))
        assert.ok(answer.ok, JSON.stringify(answer))
    }
    const read = (): string[] => {
      const raw = socket.dump(getElements(ref)).flatMap(parseElements)
      return (intervals === 'plain' ? joinIntervals(raw) : raw).map(elementKey).sort()
    }
    write(addElements(ref, elements, intervals))
    const listed = JSON.parse(nft('-j', 'list', kind, 'inet', 't', 's')) as {
      nftables: Record<string, { elem?: unknown }>[]
    }
    assert.deepEqual(
      listed.nftables.flatMap((o) => o[kind]?.elem ?? []),
      shown,
    )
    assert.deepEqual(read(), elements.map(elementKey).sort())
    write(delElements(ref, elements, intervals))
    assert.deepEqual(read(), [])
  })
}

test('ranges that touch or overlap become one, and one without end takes in what follows', () => {
  const range = (from: string, end?: string): Element => ({
    key: ip4(from),
    ...(end ? { end: ip4(end) } : {}),
  })
  assert.deepEqual(
    joinRanges([
      range('10.0.2.0', '10.0.3.0'),
      range('10.0.0.0', '10.0.1.0'),
      range('10.0.1.0', '10.0.2.0'),
      range('10.9.0.0', '10.9.1.0'),
    ]),
    [range('10.0.0.0', '10.0.3.0'), range('10.9.0.0', '10.9.1.0')],
  )
  assert.deepEqual(joinRanges([range('10.0.0.0', '10.0.9.0'), range('10.0.1.0', '10.0.2.0')]), [
    range('10.0.0.0', '10.0.9.0'),
  ])
  assert.deepEqual(
    joinRanges([range('200.0.0.0'), range('201.0.0.0', '202.0.0.0'), range('1.0.0.0', '2.0.0.0')]),
    [range('1.0.0.0', '2.0.0.0'), range('200.0.0.0')],
  )
})
