import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { createFirewall } from '../src/apply/firewall.ts'
import { NodeKernel } from '../src/apply/node.ts'
import { parseCidr } from '../src/base/cidr.ts'
import { bitsOf, familyOf } from '../src/base/ip.ts'
import { must } from '../src/base/result.ts'
import { addAddress } from '../src/kernel/netlink/address.ts'
import { addVeth, setLink } from '../src/kernel/netlink/link.ts'
import { createNetns, removeNetns } from '../src/kernel/netns.ts'
import { parseConfig } from '../src/schema/config.ts'
import { addressOf, ip, linkOf, mac, run, sysctl, testCluster, write } from './guard/cluster.ts'
import { advertisement, frame } from './guard/frames.ts'
import { sendFrame, Udp } from './guard/sockets.ts'
import { type TestNamespace, testNamespace } from './namespaces.ts'

const families = [4, 6] as const
const any = { 4: ip('0.0.0.0'), 6: ip('::') }

const read = (ns: TestNamespace, path: string): string => run(ns, 'cat', `/proc/sys/net/${path}`).trim()

/** /sys shows the links of the namespace in which it was mounted. */
const sysfs = (ns: TestNamespace, path: string): string =>
  run(ns, 'unshare', '--mount', 'sh', '-c', `mount -t sysfs none /sys && cat /sys/class/net/${path}`).trim()

test('a host that learnt its IPv6 way out from router advertisements keeps it when pods’ packets are forwarded', (t) => {
  const node = testNamespace(t)
  const router = testNamespace(t)
  for (const ns of [node, router]) sysctl(ns, 'ipv6/conf/default/accept_dad', '0')
  const macs = { node: mac('02:00:00:00:00:01'), router: mac('02:00:00:00:00:02') }
  write(node, [
    addVeth({
      name: 'eth0',
      mac: macs.node,
      mtuBytes: 1500,
      group: 0,
      peer: { name: 'eth0', mac: macs.router, netnsFd: router.fd },
    }),
  ])
  write(node, [setLink('eth0', { up: true })])
  write(router, [setLink('eth0', { up: true })])
  linkOf(node, 'eth0')
  const address = ip('2001:db8::1')
  write(node, [addAddress({ index: linkOf(node, 'eth0').index, ip: address, prefixLength: 64 })])
  const advertise = (): void =>
    sendFrame(
      router,
      'eth0',
      frame(
        { from: macs.router, to: mac('33:33:00:00:00:01') },
        advertisement({ src: ip('fe80::ff:fe00:2'), dst: ip('ff02::1') }, macs.router),
      ),
    )
  const wayOut = (): string => run(node, 'ip', '-6', 'route', 'show', 'default')
  advertise()
  assert.match(wayOut(), /^default via fe80::ff:fe00:2 dev eth0 proto ra/)
  const rows = [
    { name: 'a', addresses: [address], podCidrs: [must(parseCidr('fd00:1::/64'))], complaints: [] },
  ]
  const report = node.inside(() => {
    const config = must(parseConfig('', 'test'))
    const kernel = new NodeKernel(config, createFirewall(config))
    t.after(() => kernel.close())
    must(kernel.start())
    const first = kernel.reconcile({ selfName: 'a', nodes: rows, sweep: true })
    assert.deepEqual(kernel.reconcile({ selfName: 'a', nodes: rows, sweep: true }).changes, [])
    return first
  })
  assert.deepEqual(report.faults, [])
  assert.equal(read(node, 'ipv6/conf/all/forwarding'), '1')
  assert.equal(read(node, 'ipv6/conf/eth0/accept_ra'), '2')
  assert.ok(
    report.changes.some((c) => c.includes('accept_ra from 1 to 2')),
    'it is said',
  )
  assert.match(wayOut(), /proto ra/)
  run(node, 'ip', '-6', 'route', 'del', 'default')
  advertise()
  assert.match(wayOut(), /proto ra/, 'the next advertisement counts too')
  // What would be without it.
  sysctl(node, 'ipv6/conf/all/forwarding', '0')
  sysctl(node, 'ipv6/conf/eth0/accept_ra', '1')
  sysctl(node, 'ipv6/conf/all/forwarding', '1')
  assert.equal(wayOut(), '')
})

test('accept_ra of an uplink that no router feeds is left as it is', (t) => {
  const { nodes } = testCluster(t)
  for (const { ns } of nodes) {
    assert.equal(read(ns, 'ipv6/conf/eth0/accept_ra'), '1')
    assert.equal(read(ns, 'ipv6/conf/all/forwarding'), '1')
    assert.equal(read(ns, 'ipv4/ip_forward'), '1')
  }
})

test('every link is made with its MAC, so that udev gives it no other', (t) => {
  const { nodes } = testCluster(t, { config: 'pathMode: vxlan' })
  const [node] = nodes
  const pod = node.pod(2)
  // NET_ADDR_SET; udev's MACAddressPolicy=persistent changes what is NET_ADDR_RANDOM (1).
  assert.equal(sysfs(node.ns, `${pod.endpoint.link.name}/addr_assign_type`), '3')
  assert.equal(sysfs(node.ns, 'podlane-vxlan/addr_assign_type'), '3')
  assert.equal(sysfs(pod.ns, 'eth0/addr_assign_type'), '3')
  assert.equal(linkOf(node.ns, 'podlane-vxlan').mac, '0e:70:c0:00:02:01')
})

test('a packet to a pod address that nobody has ends at its node, which says so, and does not loop', (t) => {
  for (const config of ['pathMode: auto', 'pathMode: vxlan']) {
    const { nodes } = testCluster(t, { config })
    const [a, b] = nodes
    const [near, far] = [a.pod(2), b.pod(2)]
    const sent = (): number =>
      JSON.parse(run(a.ns, 'ip', '-s', '-j', 'link', 'show', 'eth0'))[0].stats64.tx.packets
    const ask = (from: TestNamespace, to: string): string => {
      try {
        return run(from, 'ping', '-c1', '-W1', '-n', to)
      } catch (error) {
        return String((error as { stdout: unknown }).stdout)
      }
    }
    for (const to of ['10.244.1.99', 'fd00:1::99']) {
      const before = sent()
      assert.match(
        ask(near.ns, to),
        /Destination Host Unreachable|Destination unreachable: (No route|Address unreachable)/,
      )
      assert.ok(sent() - before <= 1, 'nothing leaves by the default route')
      assert.match(ask(far.ns, to), /Unreachable|unreachable/, `from another node, ${config}`)
    }
  }
})

test('a pod’s addresses serve at once, in both families, however busy the host is with other links', async (t) => {
  const { nodes } = testCluster(t)
  const [node] = nodes
  const [first] = [node.pod(2)]
  for (let n = 3; n < 9; n++) {
    // Namespaces with links that go away keep the kernel's lock on links busy for a while.
    for (let i = 0; i < 4; i++) {
      const path = `/run/podlane-test/busy-${process.pid}-${n}-${i}`
      createNetns(path)
      execFileSync('nsenter', [
        `--net=${path}`,
        'ip',
        'link',
        'add',
        'v0',
        'type',
        'veth',
        'peer',
        'name',
        'v1',
      ])
      removeNetns(path)
    }
    const pod = node.pod(n)
    for (const v of families) {
      using here = new Udp(pod.ns, { ip: addressOf(pod, v), port: 7000 })
      using there = new Udp(first.ns, { ip: addressOf(first, v), port: 7000 })
      assert.equal(here.send({ ip: addressOf(first, v), port: 7000 }, 'out'), undefined)
      assert.equal((await there.receive())?.data, 'out', `pod ${n}, first packet out, IPv${v}`)
      there.send({ ip: addressOf(pod, v), port: 7000 }, 'in')
      assert.equal((await here.receive())?.data, 'in', `pod ${n}, first packet in, IPv${v}`)
    }
    assert.doesNotMatch(
      run(pod.ns, 'ip', '-6', 'addr', 'show', 'dev', 'eth0', 'scope', 'global'),
      /tentative/,
    )
    const global = families.map((v) => `${addressOf(pod, v)}/${bitsOf(v)}`)
    const shown = run(pod.ns, 'ip', '-br', 'addr', 'show', 'dev', 'eth0')
    for (const address of global) assert.ok(shown.includes(address), address)
  }
})

test('the switches of a pod’s link: loose reverse path, proxy ARP, no advertisements, no duplicate detection', async (t) => {
  const { nodes, outside } = testCluster(t)
  const [node] = nodes
  const pod = node.pod(2)
  const link = pod.endpoint.link.name
  assert.equal(read(node.ns, `ipv4/conf/${link}/rp_filter`), '2')
  assert.equal(read(node.ns, `ipv4/conf/${link}/proxy_arp`), '1')
  assert.equal(read(node.ns, `ipv4/conf/${link}/send_redirects`), '0')
  assert.equal(read(node.ns, `ipv4/conf/${link}/route_localnet`), '0')
  assert.equal(read(pod.ns, 'ipv6/conf/eth0/accept_ra'), '0')
  assert.equal(read(pod.ns, 'ipv6/conf/eth0/accept_dad'), '0')
  const withPort = node.pod(3, {
    hostPorts: [{ hostPort: 8080, containerPort: 80, protocol: 'tcp', hostIp: undefined }],
  })
  assert.equal(read(node.ns, `ipv4/conf/${withPort.endpoint.link.name}/route_localnet`), '1')

  // A program in the pod that clears the neighbours still finds the gateway: the host answers for it.
  run(pod.ns, 'ip', 'neigh', 'flush', 'all', 'nud', 'permanent')
  for (const v of families) {
    using ear = new Udp(outside.ns, { ip: addressOf(outside, v), port: 7000 })
    using from = new Udp(pod.ns, { ip: any[v], port: 0 })
    from.send({ ip: addressOf(outside, v), port: 7000 }, 'x')
    assert.equal(familyOf((await ear.receive(2000))?.from.ip ?? assert.fail(`IPv${v}`)), v)
  }
})

test('a strict reverse path filter, in all and on the uplink, is in nobody’s way', async (t) => {
  for (const config of ['pathMode: auto', 'pathMode: vxlan']) {
    const { nodes, outside } = testCluster(t, { config })
    const [a, b] = nodes
    for (const { ns } of [a, b])
      for (const where of ['all', 'eth0']) sysctl(ns, `ipv4/conf/${where}/rp_filter`, '1')
    const [pod, far] = [a.pod(2), b.pod(2)]
    const pairs = [
      [pod, far],
      [far, pod],
      [a, far],
      [pod, b],
      [pod, outside],
    ] as const
    for (const [from, to] of pairs) {
      using ear = new Udp(to.ns, { ip: addressOf(to, 4), port: 7000 })
      using mouth = new Udp(from.ns, { ip: any[4], port: 0 })
      mouth.send({ ip: addressOf(to, 4), port: 7000 }, 'x')
      const got = await ear.receive()
      assert.ok(got, `${config}: ${addressOf(from, 4)} → ${addressOf(to, 4)}`)
      ear.send(got.from, 'y')
      assert.equal((await mouth.receive())?.data, 'y')
    }
  }
})
