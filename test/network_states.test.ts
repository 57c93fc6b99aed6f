import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { stringify } from 'yaml'
import { createFirewall } from '../src/apply/firewall.ts'
import { NodeKernel, type Report } from '../src/apply/node.ts'
import { parseCidr } from '../src/base/cidr.ts'
import { parseIp } from '../src/base/ip.ts'
import { must } from '../src/base/result.ts'
import { podMac } from '../src/plan/pod_link.ts'
import { parseConfig } from '../src/schema/config.ts'
import type { NodeRow } from '../src/state/rows.ts'
import { kernelDump, run, shell } from './agent/dump.ts'
import { join2 } from './agent/node_bench.ts'
import { type TestNamespace, testNamespace } from './namespaces.ts'

const node = (name: string, addresses: string[], podCidrs: string[]): NodeRow => ({
  name,
  addresses: addresses.map((a) => must(parseIp(a))),
  podCidrs: podCidrs.map((c) => must(parseCidr(c))),
  complaints: [],
})
type State = { readonly nodes: readonly NodeRow[]; readonly config: object; readonly uplinkMtu?: number }

const a = node('a', ['192.0.2.1', '2001:db8::1'], ['10.244.1.0/24', 'fd00:1::/64'])
const b = node('b', ['192.0.2.2', '2001:db8::2'], ['10.244.2.0/24', 'fd00:2::/64'])
const c = node('c', ['198.51.100.3'], ['10.244.3.0/24', 'fd00:3::/64'])
const many = Array.from({ length: 30 }, (_, i) =>
  node(`n${i}`, [`198.51.100.${100 + i}`], [`10.244.${100 + i}.0/24`]),
)

const states = {
  alone: { nodes: [a], config: {} },
  'a peer on the segment': { nodes: [a, b], config: {} },
  'a peer behind a router': { nodes: [a, c], config: {} },
  'one of each': { nodes: [a, b, c], config: {} },
  'all by tunnel': { nodes: [a, b, c], config: { pathMode: 'vxlan' } },
  'direct or not at all': { nodes: [a, b, c], config: { pathMode: 'direct' } },
  'another tunnel': {
    nodes: [a, b, c],
    config: { pathMode: 'vxlan', vxlan: { vni: 7, port: 8472, lingerSeconds: 0 } },
  },
  'pods of full size': { nodes: [a, b, c], config: { podMtu: 'uplink' } },
  'no masquerade': { nodes: [a, b], config: { masquerade: { enabled: false } } },
  'excluded from masquerade': {
    nodes: [a, b],
    config: { masquerade: { exclude: ['203.0.113.0/24', '10.0.0.0/8'] } },
  },
  'a peer with another address': {
    nodes: [a, node('b', ['192.0.2.3'], ['10.244.2.0/24', 'fd00:2::/64'])],
    config: {},
  },
  'peers that swapped ranges': {
    nodes: [a, node('b', ['192.0.2.2'], ['10.244.3.0/24']), node('c', ['198.51.100.3'], ['10.244.2.0/24'])],
    config: {},
  },
  'peers that swapped addresses': {
    nodes: [a, node('b', ['198.51.100.3'], ['10.244.2.0/24']), node('c', ['192.0.2.2'], ['10.244.3.0/24'])],
    config: {},
  },
  'a peer of IPv6 only': { nodes: [a, node('b', ['2001:db8::2'], ['fd00:2::/64'])], config: {} },
  'a peer without range': { nodes: [a, node('b', ['192.0.2.2'], [])], config: {} },
  'a peer with this node’s range': { nodes: [a, node('b', ['192.0.2.2'], ['10.244.1.0/24'])], config: {} },
  'overlapping peers': {
    nodes: [a, node('b', ['192.0.2.2'], ['10.244.2.0/23']), node('c', ['198.51.100.3'], ['10.244.3.0/24'])],
    config: {},
  },
  'another range of its own': { nodes: [node('a', ['192.0.2.1'], ['10.244.9.0/24']), b, c], config: {} },
  'IPv4 alone': {
    nodes: [node('a', ['192.0.2.1'], ['10.244.1.0/24']), node('b', ['192.0.2.2'], ['10.244.2.0/24'])],
    config: {},
  },
  'an underlay of IPv6': {
    nodes: [node('a', ['2001:db8::1'], ['10.244.1.0/24']), node('c', ['2001:db9::3'], ['10.244.3.0/24'])],
    config: { pathMode: 'vxlan' },
  },
  'a smaller uplink': { nodes: [a, b, c], config: {}, uplinkMtu: 1400 },
  'many peers': { nodes: [a, ...many], config: {} },
} as const satisfies Record<string, State>
type StateName = keyof typeof states
const names = Object.keys(states) as StateName[]

/** A node with one pod, that goes from state to state as an agent does; another config means a restart. */
class Walker {
  readonly #ns: TestNamespace
  #kernel: NodeKernel | undefined
  #config = ''

  constructor(t: TestContext) {
    this.#ns = testNamespace(t)
    const outside = testNamespace(t)
    run(this.#ns, 'ip', 'link', 'set', 'lo', 'up')
    // Or neighbours are not asked for before the uplink has made sure of its link-local address.
    for (const ns of [this.#ns, outside]) shell(ns, 'echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad')
    join2(this.#ns, outside, {
      a: ['192.0.2.1/24', '2001:db8::1/64'],
      b: ['192.0.2.2/24', '192.0.2.3/24', '2001:db8::2/64'],
    })
    run(this.#ns, 'ip', 'link', 'set', 'eth0', 'address', '02:00:00:00:00:01')
    run(outside, 'ip', 'link', 'set', 'eth0', 'address', '02:00:00:00:00:02')
    run(this.#ns, 'ip', 'route', 'add', 'default', 'via', '192.0.2.2')
    this.#enter({ nodes: [], config: {} })
    this.#wirePod(testNamespace(t))
    t.after(() => this.#kernel?.close())
  }

  #enter(state: State): NodeKernel {
    // Or a tunnel device would be there or not by where it came from.
    const config = stringify({ vxlan: { lingerSeconds: 0 }, ...state.config })
    if (this.#kernel && config === this.#config) return this.#kernel
    this.#kernel?.close()
    this.#config = config
    const parsed = must(parseConfig(config, 'test'))
    const kernel = this.#ns.inside(() => {
      const made = new NodeKernel(parsed, createFirewall(parsed))
      must(made.start())
      return made
    })
    this.#kernel = kernel
    return kernel
  }

  #wirePod(pod: TestNamespace): void {
    const addresses = ['10.244.1.2', 'fd00:1::2'].map((text) => must(parseIp(text)))
    const owner = {
      containerId: 'c',
      ifName: 'eth0',
      network: 'podlane',
      podUid: undefined,
      podMac: podMac(addresses),
      addresses,
    }
    const request = {
      owner,
      netnsFd: pod.fd,
      linkMtuBytes: 1500,
      routeMtuBytes: 1500,
      routeLocalnet: false,
      bandwidth: undefined,
      hostPorts: [],
    }
    this.#ns.inside(() => must(this.#enter({ nodes: [], config: {} }).wire(request)))
  }

  /** Until nothing is left to do, which the kernel's own resolving of neighbours may take a moment for. */
  async go(name: StateName): Promise<string> {
    const state: State = states[name]
    run(this.#ns, 'ip', 'link', 'set', 'eth0', 'mtu', String(state.uplinkMtu ?? 1500))
    const kernel = this.#enter(state)
    const once = (): Report =>
      this.#ns.inside(() => kernel.reconcile({ selfName: 'a', nodes: state.nodes, sweep: true }))
    for (let quiet = 0, rounds = 0; quiet < 2; rounds++) {
      const { changes, faults } = once()
      assert.deepEqual(faults, [], name)
      assert.ok(rounds < 400, `${name} does not come to rest: ${changes}`)
      quiet = changes.length === 0 && this.#resolved() ? quiet + 1 : 0
      if (quiet < 2) await sleep(5)
    }
    return this.dump()
  }

  /** One run with these nodes while the inputs are not in sync. */
  unsynced(nodes: readonly NodeRow[]): Report {
    return this.#ns.inside(() =>
      this.#enter({ nodes: [], config: {} }).reconcile({ selfName: 'a', nodes, sweep: false }),
    )
  }

  dump(): string {
    return kernelDump(this.#ns, /^eth0 +inet6 fe80/)
  }

  /** Peers that answer have answered. */
  #resolved(): boolean {
    const rows = run(this.#ns, 'ip', 'neighbour', 'show', 'dev', 'eth0').split('\n')
    return rows.every((r) => !/^(192\.0\.2|2001:db8)/.test(r) || r.includes('lladdr') || r.includes('FAILED'))
  }
}

const fresh = new Map<StateName, string>()
async function freshStart(t: TestContext, name: StateName): Promise<string> {
  const known = fresh.get(name)
  if (known) return known
  const dump = await new Walker(t).go(name)
  fresh.set(name, dump)
  return dump
}

test('from any state to any other the kernel comes to hold what a fresh start gives, and a second run is empty', async (t) => {
  const walk = fc.array(fc.constantFrom(...names), { minLength: 2, maxLength: 6 })
  await fc.assert(
    fc.asyncProperty(walk, async (steps) => {
      const walker = new Walker(t)
      for (const step of steps) assert.equal(await walker.go(step), await freshStart(t, step), step)
    }),
    { numRuns: 12, endOnFailure: true },
  )
})

test('every state can be entered from and left for the one with everything', async (t) => {
  const walker = new Walker(t)
  for (const name of names) {
    assert.equal(await walker.go('one of each'), await freshStart(t, 'one of each'), `after ${name}`)
    assert.equal(await walker.go(name), await freshStart(t, name), name)
  }
})

test('before all inputs are in sync nothing is removed, however little they say', async (t) => {
  const walker = new Walker(t)
  const whole = await walker.go('one of each')
  for (const nodes of [[], [a], [b], [a, b]]) {
    const { changes } = walker.unsynced(nodes)
    assert.deepEqual(
      changes.filter((c) => c.startsWith('remove')),
      [],
    )
    assert.equal(walker.dump(), whole, nodes.map((n) => n.name).join())
  }
})
