import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addressOf, ip, testCluster } from '../../test/guard/cluster.ts'
import { frame, udp } from '../../test/guard/frames.ts'
import { sendFrame } from '../../test/guard/sockets.ts'
import { testNamespace } from '../../test/namespaces.ts'
import { readDrops } from './drops.ts'

test('each reason for a drop is told with its packets, from the kernel’s counters', (t) => {
  const { nodes } = testCluster(t)
  const [node] = nodes
  const pod = node.pod(2)
  const spoofed = udp({ src: ip('198.51.100.9'), dst: addressOf(node, 4) }, { to: 7 }, Buffer.from('x'))
  for (const _ of [1, 2, 3]) sendFrame(pod.ns, 'eth0', frame({ from: pod.mac, to: pod.hostMac }, spoofed))
  const drops = node.ns.inside(readDrops)
  assert.deepEqual(
    drops.filter((d) => d.packets > 0).map((d) => [d.name, d.packets, d.why]),
    [['inet pod_spoofed', 3, 'a pod sent from an address or MAC that is not its own']],
  )
  assert.ok(drops.length > 5)
})

test('without tables there is nothing to tell but zeros', (t) => {
  const ns = testNamespace(t)
  assert.ok(ns.inside(readDrops).every((d) => d.packets === 0))
})
