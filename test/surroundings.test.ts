import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { type Family, familyOf } from '../src/base/ip.ts'
import { readPeerWays } from '../src/observe/peer_ways.ts'
import { readSurroundings } from '../src/observe/surroundings.ts'
import { addressOf, type Host, ip, run, type TestNode, testCluster } from './guard/cluster.ts'
import { Udp } from './guard/sockets.ts'

const any = { 4: ip('0.0.0.0'), 6: ip('::') }

async function reaches(from: Host, to: Host, v: Family): Promise<boolean> {
  using ear = new Udp(to.ns, { ip: addressOf(to, v), port: 7000 })
  using mouth = new Udp(from.ns, { ip: any[v], port: 0 })
  mouth.send({ ip: addressOf(to, v), port: 7000 }, 'x')
  return (await ear.receive(60)) !== undefined
}

/** What Docker 20 to 27 sets up when it starts. */
const docker = [
  'iptables -t nat -N DOCKER',
  'iptables -t nat -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER',
  'iptables -t nat -A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER',
  'iptables -t nat -A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE',
  'iptables -N DOCKER',
  'iptables -N DOCKER-ISOLATION-STAGE-1',
  'iptables -N DOCKER-ISOLATION-STAGE-2',
  'iptables -A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
  'iptables -A FORWARD -o docker0 -j DOCKER',
  'iptables -A FORWARD -i docker0 ! -o docker0 -j ACCEPT',
  'iptables -A FORWARD -i docker0 -o docker0 -j ACCEPT',
  'iptables -I FORWARD -j DOCKER-ISOLATION-STAGE-1',
  'iptables -A DOCKER-ISOLATION-STAGE-1 -i docker0 ! -o docker0 -j DOCKER-ISOLATION-STAGE-2',
  'iptables -A DOCKER-ISOLATION-STAGE-1 -j RETURN',
  'iptables -A DOCKER-ISOLATION-STAGE-2 -o docker0 -j DROP',
  'iptables -A DOCKER-ISOLATION-STAGE-2 -j RETURN',
  'iptables -N DOCKER-USER',
  'iptables -A DOCKER-USER -j RETURN',
  'iptables -I FORWARD -j DOCKER-USER',
  'iptables -P FORWARD DROP',
]

const hosts: Readonly<
  Record<string, { readonly families: readonly Family[]; readonly setup: readonly string[] }>
> = {
  Docker: { families: [4], setup: docker },
  'a FORWARD policy DROP': {
    families: [4, 6],
    setup: ['iptables -P FORWARD DROP', 'ip6tables -P FORWARD DROP'],
  },
  'a REJECT at the end of FORWARD': {
    families: [4, 6],
    setup: [
      'iptables -A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
      'iptables -A FORWARD -j REJECT --reject-with icmp-host-prohibited',
      'ip6tables -A FORWARD -j REJECT --reject-with icmp6-adm-prohibited',
      // Too late to help.
      'iptables -A FORWARD -s 10.244.0.0/16 -j ACCEPT',
      'iptables -A FORWARD -d 10.244.0.0/16 -j ACCEPT',
    ],
  },
  'iptables of the older kernel interface': {
    families: [4, 6],
    setup: ['iptables-legacy -A FORWARD -j REJECT', 'ip6tables-legacy -P FORWARD DROP'],
  },
  'an nft table of the host with policy drop': {
    families: [4, 6],
    setup: [
      "nft 'table inet mine { chain forward { type filter hook forward priority 0; policy drop; ct state established accept; }; }'",
    ],
  },
  'an nft table of the host that ends in a reject': {
    families: [4, 6],
    setup: [
      "nft 'table inet mine { chain forward { type filter hook forward priority filter; ct state established accept; counter reject; }; }'",
    ],
  },
}

for (const [name, { families, setup }] of Object.entries(hosts)) {
  test(`${name} keeps pods’ packets from passing, and the command that status names lets them pass`, async (t) => {
    const { nodes } = testCluster(t)
    const [a, b] = nodes
    const [pod, near, far] = [a.pod(2), a.pod(3), b.pod(2)]
    const pairs = [
      [pod, near],
      [pod, far],
      [far, pod],
    ] as const
    const find = (node: TestNode) =>
      node.ns.inside(() =>
        readSurroundings(node.reconcile().network.ownRanges, async (program, ...args) => {
          const done = spawnSync('nsenter', [`--net=${node.ns.path}`, program, ...args], { encoding: 'utf8' })
          return done.status === 0 ? done.stdout : undefined
        }),
      )
    assert.deepEqual(await find(a), [])
    for (const command of setup) run(a.ns, 'sh', '-ec', command)
    for (const v of families)
      for (const [from, to] of pairs)
        assert.ok(!(await reaches(from, to, v)), `before, ${addressOf(from, v)} → ${addressOf(to, v)}`)
    const found = await find(a)
    assert.deepEqual(
      [
        ...new Set(
          found
            .flatMap((f) => f.wanted.match(/[\da-f.:]+\/\d+/g) ?? [])
            .map((r) => familyOf(ip(r.replace(/\/.*/, '')))),
        ),
      ].sort(),
      families,
    )
    for (const f of found) run(a.ns, 'sh', '-ec', f.next.replace(/^run: /, ''))
    for (const v of families)
      for (const [from, to] of pairs)
        assert.ok(await reaches(from, to, v), `after, ${addressOf(from, v)} → ${addressOf(to, v)}`)
    assert.deepEqual(await find(a), [])
  })
}

test('a peer that is reached by another interface than the uplink is named, with what to do', (t) => {
  const { nodes } = testCluster(t, { nodes: 3 })
  const [a] = nodes
  const ways = () => {
    const { uplink, network } = a.reconcile()
    return a.ns.inside(() => readPeerWays(uplink, network.peers))
  }
  assert.deepEqual(ways(), [])
  run(a.ns, 'ip', 'link', 'add', 'eth1', 'type', 'veth', 'peer', 'name', 'eth1-end')
  run(a.ns, 'ip', 'link', 'set', 'eth1', 'up')
  run(a.ns, 'ip', 'route', 'add', '192.0.2.2/32', 'dev', 'eth1')
  const [found, ...others] = ways()
  assert.deepEqual(others, [])
  assert.equal(found?.found, 'n2 (192.0.2.2) by eth1')
  assert.match(found?.next ?? '', /set uplink.device to eth1, or correct the route/)
})
