import assert from 'node:assert/strict'
import { readlinkSync } from 'node:fs'
import { test } from 'node:test'
import { testNamespace } from '../../test/namespaces.ts'
import { must, type Result } from '../base/result.ts'
import { getLinkByName, getLinks, parseLink } from '../kernel/netlink/link.ts'
import { gatewayMac } from '../plan/pod_link.ts'
import type { DeviceKind } from '../state/endpoint.ts'
import { addPair, choosePodDevice } from './pod_device.ts'

const faultOf = (chosen: Result<DeviceKind>) =>
  chosen.ok ? assert.fail(`${chosen.value} was chosen`) : chosen.error

test('veth wished for is veth; what is chosen by itself is what the kernel can; the thread stays where it was', () => {
  const before = readlinkSync('/proc/thread-self/ns/net')
  assert.equal(must(choosePodDevice('veth')), 'veth')
  const best = must(choosePodDevice('auto'))
  if (best === 'netkit') assert.equal(must(choosePodDevice('netkit')), 'netkit')
  else assert.match(faultOf(choosePodDevice('netkit')).wanted, /netkit pairs \(6\.10 or later/)
  assert.equal(readlinkSync('/proc/thread-self/ns/net'), before)
})

test('the pair of the chosen kind has the asked-for names, MACs, MTU and group, its peer in the pod', (t) => {
  const node = testNamespace(t)
  const pod = testNamespace(t)
  for (const kind of new Set(['veth', must(choosePodDevice('auto'))] as const)) {
    const spec = { name: `podl${kind}`, mac: gatewayMac, mtuBytes: 1400, group: 77 }
    const peer = { name: `eth-${kind}`, mac: gatewayMac, netnsFd: pod.fd }
    const [made, read] = node.route.batch([addPair(kind, { ...spec, peer }), getLinkByName(spec.name)])
    assert.ok(made?.ok && read?.ok, JSON.stringify([made, read]))
    const link = parseLink(read.replies[0] ?? assert.fail('no link'))
    const { name, mac, mtuBytes, group } = link
    assert.deepEqual([link.kind, { name, mac, mtuBytes, group }], [kind, spec])
    const other = pod.route
      .dump(getLinks())
      .map(parseLink)
      .find((l) => l.name === peer.name)
    assert.deepEqual(
      [other?.kind, other?.mac, other?.mtuBytes, other?.index],
      [kind, gatewayMac, 1400, link.peerIndex],
    )
    const again = node.route.request(addPair(kind, { ...spec, name: 'podlother', peer }))
    assert.equal(again.ok || again.errno, 17, 'a name that the pod has already is refused')
  }
})
