import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { testNamespace } from '../../test/namespaces.ts'
import { parseCidr } from '../base/cidr.ts'
import { ifIndex } from '../base/ifindex.ts'
import { parseIp } from '../base/ip.ts'
import { parseMac } from '../base/mac.ts'
import { must } from '../base/result.ts'
import type { Network } from '../plan/network.ts'
import { parseConfig } from '../schema/config.ts'
import { createFirewall } from './firewall.ts'

test('an ADD with a UDP hostPort removes the flows to that port that stood untranslated, and no others', (t) => {
  const ns = testNamespace(t)
  const shell = (command: string): string =>
    execFileSync('nsenter', [`--net=${ns.path}`, 'bash', '-c', command], { encoding: 'utf8', stdio: 'pipe' })
  shell('ip link set lo up; ip addr add 192.0.2.1/32 dev lo')
  ns.inside(() => {
    const firewall = createFirewall(must(parseConfig('', 'test')))
    t.after(() => firewall.close())
    assert.deepEqual(firewall.start().faults, [])
    for (const port of [5353, 5354]) shell(`echo > /dev/udp/192.0.2.1/${port}`)
    must(
      firewall.addPod({
        index: ifIndex(9),
        mac: must(parseMac('02:00:00:00:00:09')),
        addresses: [must(parseIp('10.244.1.9'))],
        hostPorts: [{ hostPort: 5353, containerPort: 53, protocol: 'udp', hostIp: undefined }],
      }),
    )
  })
  const left = shell('conntrack -L -p udp 2>/dev/null').match(/sport=\d+ dport=\d{4}(?= )/g)
  assert.deepEqual(
    left?.map((l) => l.replace(/.*dport=/, '')),
    ['5354'],
  )
})

test('tables that somebody flushed are built again with all elements by the next reconcile', (t) => {
  const ns = testNamespace(t)
  ns.inside(() => {
    const firewall = createFirewall(must(parseConfig('', 'test')))
    t.after(() => firewall.close())
    firewall.start()
    const state = {
      network: { ownRanges: [must(parseCidr('10.244.1.0/24'))], peers: [] } as unknown as Network,
      uplink: undefined,
      nodeAddresses: [],
      peerMacs: new Map(),
      pods: [
        {
          index: ifIndex(9),
          mac: must(parseMac('02:00:00:00:00:09')),
          addresses: [must(parseIp('10.244.1.9'))],
          hostPorts: [],
        },
      ],
    }
    firewall.apply(state, true)
    const listed = (): string => execFileSync('nft', ['list', 'ruleset'], { encoding: 'utf8' })
    const before = listed()
    execFileSync('nft', ['flush', 'ruleset'])
    const again = firewall.apply(state, true)
    assert.deepEqual(again.faults, [])
    assert.match(again.changes[0] ?? '', /build nft tables/)
    assert.equal(listed(), before)
    assert.deepEqual(firewall.apply(state, true).changes, [])
  })
})

test('a hostPort of one family is remembered as of that family', (t) => {
  const ns = testNamespace(t)
  ns.inside(() => {
    const firewall = createFirewall(must(parseConfig('', 'test')))
    t.after(() => firewall.close())
    firewall.start()
    const v4 = must(parseIp('10.244.1.9'))
    const port = {
      hostPort: 80,
      containerPort: 8080,
      protocol: 'tcp',
      hostIp: must(parseIp('0.0.0.0')),
    } as const
    const addresses = [v4, must(parseIp('fd00::9'))]
    must(
      firewall.addPod({
        index: ifIndex(9),
        mac: must(parseMac('02:00:00:00:00:09')),
        addresses,
        hostPorts: [port],
      }),
    )
    assert.deepEqual([...firewall.recall().hostPorts], [[v4, [port]]])
  })
})
