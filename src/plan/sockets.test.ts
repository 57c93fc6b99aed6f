import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ifIndex } from '../base/ifindex.ts'
import { parseIp } from '../base/ip.ts'
import { parseMac } from '../base/mac.ts'
import { must } from '../base/result.ts'
import { podFromApi } from '../schema/kubernetes.ts'
import { parseStaticFile } from '../schema/static-file.ts'
import type { Endpoint } from '../state/endpoint.ts'
import type { PodRow } from '../state/rows.ts'
import { planSockets, SOCKETS_ANNOTATION, socketWishes } from './sockets.ts'

const mac = must(parseMac('02:00:00:00:00:01'))

const pod = (uid: string, wish: string | undefined, status: object = {}): PodRow => {
  const annotations = wish === undefined ? {} : { [SOCKETS_ANNOTATION]: wish }
  const metadata = { uid, name: uid, namespace: 'default', annotations }
  return must(podFromApi({ metadata, spec: {}, status })) ?? assert.fail('a host-network pod')
}
const endpoint = (podUid: string | undefined, ...addresses: string[]): Endpoint => ({
  containerId: `c-${addresses[0]}`,
  ifName: 'eth0',
  network: 'podlane',
  podUid,
  podMac: mac,
  addresses: addresses.map((a) => must(parseIp(a))),
  link: { kind: 'veth', index: ifIndex(5), name: 'pl1', mac, mtuBytes: 1500 },
})
const plan = (pods: readonly PodRow[], ...endpoints: readonly Endpoint[]): string[] => [
  ...planSockets(socketWishes(pods), endpoints),
]

test('only the word «true» opts a pod in, with all of its addresses', () => {
  const ends = [endpoint('u1', '10.244.1.2', 'fd00::2'), endpoint('u2', '10.244.1.3')]
  assert.deepEqual(plan([pod('u1', 'true'), pod('u2', undefined)], ...ends), ['10.244.1.2', 'fd00::2'])
  for (const word of ['True', 'yes', '1', '']) assert.deepEqual(plan([pod('u1', word)], ...ends), [])
})

test('a pod that has ended, or whose address is another’s by now, opts nobody in', () => {
  const status = { phase: 'Succeeded', podIPs: [{ ip: '10.244.1.2' }] }
  assert.deepEqual(plan([pod('u1', 'true', status)], endpoint('u1', '10.244.1.2')), [])
  const stale = pod('u1', 'true', { podIPs: [{ ip: '10.244.1.2' }] })
  assert.deepEqual(plan([stale], endpoint('u9', '10.244.1.2')), [])
})

test('a pod with a bandwidth limit stays where the limit is', () => {
  const row = pod('u1', 'true')
  const limited = { ...row, annotations: { ...row.annotations, 'kubernetes.io/egress-bandwidth': '1M' } }
  assert.deepEqual(plan([limited], endpoint('u1', '10.244.1.2')), [])
})

test('where a runtime gives no uid, the address that the API reports decides', () => {
  const told = pod('u1', 'true', { podIPs: [{ ip: '10.244.1.2' }] })
  assert.deepEqual(plan([told], endpoint(undefined, '10.244.1.2')), ['10.244.1.2'])
  assert.deepEqual(plan([told], endpoint(undefined, '10.244.1.3')), [])
})

test('the static file opts pods in by the same annotation', () => {
  const text = `
nodes: [{ name: a, addresses: [192.0.2.1] }]
pods:
  - { name: one, uid: u1, annotations: { ${SOCKETS_ANNOTATION}: "true" } }
  - { name: two, uid: u2 }
`
  const { pods } = must(parseStaticFile(text, 'file', 'a'))
  assert.deepEqual(plan(pods, endpoint('u1', '10.244.1.2'), endpoint('u2', '10.244.1.3')), ['10.244.1.2'])
})
