import assert from 'node:assert/strict'
import { test } from 'node:test'
import { run } from './dump.ts'
import { nodeWithOutside } from './fixtures.ts'

const runtimeConfig = {
  portMappings: [{ hostPort: 8080, containerPort: 80 }],
  bandwidth: { ingressRate: 8_000_000, egressRate: 8_000_000 },
}

/** What goes wrong, on which side, and the words in which CHECK must say so; the agent does not look meanwhile. */
const losses: readonly (readonly [side: 'pod' | 'host', command: string, words: RegExp])[] = [
  ['pod', 'ip address del IP4/32 dev eth0', /address 10\.244\.1\.\d+ is gone from the pod/],
  ['pod', 'ip -6 address del IP6/128 dev eth0', /address fd00:1::\S+ is gone from the pod/],
  ['pod', 'ip route del default', /the pod's IPv4 default route is gone/],
  ['pod', 'ip -6 route del default', /the pod's IPv6 default route is gone/],
  ['pod', 'ip neighbour del 169.254.1.1 dev eth0', /neighbour entry of its IPv4 gateway is gone/],
  ['pod', 'tc qdisc del dev eth0 root', /the egress limit on eth0 in the pod is gone/],
  ['pod', 'ip link set eth0 down', /interface eth0 is down in the pod/],
  ['pod', 'ip link set eth0 address 02:00:00:00:00:99', /packets are taken from \S+ only.*capability «mac»/],
  ['host', 'ip route del IP4', /the host's route to 10\.244\.1\.\d+ is gone/],
  ['host', 'ip -6 route del IP6', /the host's route to fd00:1::\S+ is gone/],
  ['host', 'ip neighbour del IP4 dev LINK', /the host's neighbour entry of 10\.244\.1\.\d+ is gone/],
  ['host', 'tc qdisc del dev LINK root', /the ingress limit on podl\S+ is gone/],
  ['host', 'ip link set LINK down', /host interface podl\S+ is down/],
  ['host', 'ip link set LINK group 7', /host interface podl\S+ is in group 7/],
  ['host', 'nft flush set inet podlane pod_sources4', /gone from nft set inet podlane pod_sources4/],
  ['host', 'nft flush map inet podlane host_ports4', /gone from nft set inet podlane host_ports4/],
]

test('CHECK names what is missing or changed', async (t) => {
  const { bench } = nodeWithOutside(t)
  await bench.start()
  for (const [i, [side, command, words]] of losses.entries()) {
    const pod = await bench.pod(`c${i}`, { config: { runtimeConfig } })
    assert.equal((await pod.check()).stdout, '')
    const link = run(bench.ns, 'ip', '-o', 'link').match(/podl[0-9a-f]{11}/)?.[0] ?? assert.fail()
    const [ip4 = '', ip6 = ''] = pod.ips
    const text = command.replace('IP4', ip4).replace('IP6', ip6).replace('LINK', link)
    run(side === 'pod' ? pod.ns : bench.ns, ...text.split(' '))
    const checked = await pod.check()
    assert.equal(checked.json.code, 104, `${text}: ${checked.stdout}`)
    assert.match(String(checked.json.details), words, text)
    assert.equal((await pod.del()).code, 0)
    assert.ok(!run(bench.ns, 'nft', 'list', 'ruleset').includes('8080'))
    const gone = () => !run(bench.ns, 'ip', '-o', 'link').includes(link)
    for (let wait = 0; wait < 200 && !gone(); wait++) await new Promise((resolve) => setTimeout(resolve, 20))
  }
})

test('CHECK tolerates what later plugins of a chain change: MTU, routes, an address more', async (t) => {
  const { bench } = nodeWithOutside(t)
  await bench.start()
  const pod = await bench.pod('one')
  run(pod.ns, 'ip', 'link', 'set', 'eth0', 'mtu', '1300')
  run(pod.ns, 'ip', 'address', 'add', '192.168.7.7/24', 'dev', 'eth0')
  run(pod.ns, 'ip', 'route', 'add', '198.51.100.0/24', 'via', '169.254.1.1', 'dev', 'eth0')
  const result = structuredClone(pod.result) as { ips: object[] }
  result.ips.push({ address: '192.168.7.7/24', interface: 1 })
  const checked = await pod.check({ prevResult: result })
  assert.equal(checked.stdout, '')
})
