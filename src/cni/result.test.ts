import assert from 'node:assert/strict'
import { test } from 'node:test'
import { must, ok } from '../base/result.ts'
import type { CheckRequest } from './network.ts'
import { formatResult, parseResult } from './result.ts'
import { callVerb, configOf, podVariables } from './testing/calls.ts'
import { memoryNetwork } from './testing/memory_network.ts'
import { supportedVersions, type Version } from './versions.ts'

const addOf = async (version: Version, more: object = {}) =>
  (await callVerb(memoryNetwork(), podVariables('ADD'), configOf(version, more))).json

const dns = { nameservers: ['10.96.0.10'], search: ['cluster.local'] }
const host = { name: 'pl1', mac: '02:01:00:00:00:01' }
const pod = { name: 'eth0', mac: '02:00:00:00:00:01', sandbox: '/run/netns/blue' }
const routes = [
  { dst: '0.0.0.0/0', gw: '169.254.1.1' },
  { dst: '::/0', gw: 'fe80::1' },
]
const ips = [
  { interface: 1, address: '10.244.1.2/32', gateway: '169.254.1.1' },
  { interface: 1, address: 'fd00:1::2/128', gateway: 'fe80::1' },
]
const withFamily = ips.map(({ interface: i, ...ip }, n) => ({
  version: n === 0 ? '4' : '6',
  interface: i,
  ...ip,
}))
const form020 = {
  ip4: { ip: '10.244.1.2/32', gateway: '169.254.1.1', routes: [routes[0]] },
  ip6: { ip: 'fd00:1::2/128', gateway: 'fe80::1', routes: [routes[1]] },
  dns,
}
const form040 = { interfaces: [host, pod], ips: withFamily, routes, dns }

const golden: { readonly [V in Version]: object } = {
  '0.1.0': form020,
  '0.2.0': form020,
  '0.3.0': form040,
  '0.3.1': form040,
  '0.4.0': form040,
  '1.0.0': { ...form040, ips },
  '1.1.0': {
    interfaces: [
      { name: 'pl1', mac: host.mac, mtu: 1500 },
      { name: 'eth0', mac: pod.mac, mtu: 1500, sandbox: pod.sandbox },
    ],
    ips,
    routes: routes.map((r) => ({ ...r, mtu: 1450 })),
    dns,
  },
}

for (const version of supportedVersions) {
  test(`the result of ADD in the form of ${version}`, async () => {
    assert.deepEqual(await addOf(version, { dns }), { cniVersion: version, ...golden[version] })
  })

  test(`${version}: a result that is read and written again is the same`, async () => {
    const written = await addOf(version, { dns })
    assert.deepEqual(formatResult(must(read(written, version)), version), written)
  })
}

const read = (json: unknown, version: Version) => {
  const result = parseResult(json, version)
  return result.ok ? result : assert.fail(JSON.stringify(result.error))
}

test('everything that 1.1.0 knows of an interface and a route survives', () => {
  const full = {
    cniVersion: '1.1.0',
    interfaces: [
      {
        name: 'net1',
        mac: '02:00:00:00:00:09',
        mtu: 9000,
        sandbox: '/n',
        socketPath: '/s',
        pciID: '0:0:0.1',
      },
    ],
    ips: [{ interface: 0, address: '192.168.7.3/24', gateway: '192.168.7.1' }],
    routes: [
      { dst: '192.168.0.0/16', gw: '192.168.7.1', mtu: 1400, advmss: 1360, priority: 7, table: 0, scope: 0 },
    ],
    dns: { nameservers: ['1.1.1.1'], domain: 'd', search: ['s'], options: ['ndots:5'] },
  }
  assert.deepEqual(formatResult(must(read(full, '1.1.0')), '1.1.0'), full)
})

test('later in a chain the earlier result comes first and our indexes move on', async () => {
  for (const version of supportedVersions.filter((v) => v >= '0.3.0')) {
    const prevResult = {
      cniVersion: version,
      interfaces: [{ name: 'net1', mac: '02:00:00:00:00:09', sandbox: '/run/netns/blue' }],
      ips: [{ version: '4', interface: 0, address: '192.168.7.3/24', gateway: '192.168.7.1' }],
      routes: [{ dst: '192.168.0.0/16' }],
      dns: { nameservers: ['1.1.1.1'] },
    }
    const result = read(await addOf(version, { prevResult }), version)
    const { interfaces, ips, routes, dns } = must(result)
    assert.deepEqual(
      interfaces.map((i) => i.name),
      ['net1', 'pl1', 'eth0'],
    )
    assert.deepEqual(
      ips.map((ip) => [`${ip.address.ip}/${ip.address.length}`, ip.interface]),
      [
        ['192.168.7.3/24', 0],
        ['10.244.1.2/32', 2],
        ['fd00:1::2/128', 2],
      ],
    )
    assert.equal(routes.length, 3)
    assert.deepEqual(dns.nameservers, ['1.1.1.1'])
  }
})

test('an interface that an earlier plugin made in the container is not made again', async () => {
  const prevResult = { interfaces: [{ name: 'eth0', sandbox: '/elsewhere/blue' }] }
  const network = memoryNetwork()
  const reply = await callVerb(network, podVariables('ADD'), configOf('1.0.0', { prevResult }))
  assert.equal(reply.json.code, 4)
  assert.equal(network.attachments.size, 0)
})

test('a prevResult that is no result is code 7 and names the key', async () => {
  for (const prevResult of [1, 'x', [], { ips: [{ address: 'x' }] }, { interfaces: {} }, { ips: [{}] }]) {
    const { code, msg } = await addOf('1.0.0', { prevResult })
    assert.equal(code, Array.isArray(prevResult) ? undefined : 7)
    if (code) assert.match(String(msg), /prevResult/)
  }
})

test('CHECK holds the kernel to the chain’s last result: a MAC that a later plugin wrote there, not the first', async () => {
  const network = memoryNetwork()
  const { json } = await callVerb(network, podVariables('ADD'), configOf('1.0.0'))
  const tuned = JSON.parse(JSON.stringify(json).replace(pod.mac, '02:00:00:00:00:77'))
  tuned.interfaces.unshift({ name: 'ifb0' })
  tuned.routes = []
  for (const ip of tuned.ips) ip.interface += 1
  const seen: unknown[] = []
  const config = configOf('1.0.0', { prevResult: tuned })
  const watched = {
    ...network,
    check: async (request: CheckRequest) => {
      seen.push(request.mac, request.ips)
      return ok(undefined)
    },
  }
  assert.equal((await callVerb(watched, podVariables('CHECK'), config)).exitCode, 0)
  assert.deepEqual(seen, ['02:00:00:00:00:77', ['10.244.1.2', 'fd00:1::2']])
})
