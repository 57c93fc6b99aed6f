import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AgentStatus, PathKind } from '../../schema/agent_status.ts'
import type { NodePod } from '../node_status.ts'
import { ips, type NodeFacts, planQuestions, type Question } from './plan.ts'

const pod = (name: string, addresses: string[], containers = 1): NodePod => ({
  namespace: 'default',
  name,
  uid: name,
  hostNetwork: false,
  containerId: name,
  addresses,
  netns: `/proc/1/root/run/netns/${name}`,
  containers: Array.from({ length: containers }, (_, i) => ({
    name: `c${i}`,
    pid: 1,
    http: [8080 + i],
    tcpEcho: [7],
    udpEcho: [7],
  })),
})

function node(n: number, pods: readonly NodePod[], paths: Readonly<Record<string, PathKind>>): NodeFacts {
  const peers = Object.entries(paths).map(([name, path]) => ({
    ...{ name, path, address: '', podCidrs: [], why: '' },
    mtuBytes: path === 'vxlan' ? 1450 : 1500,
  }))
  const agent: AgentStatus = {
    ...{
      version: '',
      nodeName: `node${n}`,
      startedAt: '',
      ranges: [],
      pods: [],
      complaints: [],
      features: {},
    },
    source: { kind: '', synced: true, message: '' },
    ready: { state: 'ready' },
    uplink: { name: 'eth0', mtuBytes: 1500, addresses: [] },
    peers,
    podMtuBytes: 1450,
  }
  return { name: `node${n}`, netns: `/proc/${n}/ns/net`, addresses: ips([`10.90.1.1${n}`]), pods, agent }
}

const line = (q: Question): string =>
  `${q.from.name} → ${q.to} ${q.address}:${q.http}${q.mtuBytes ? ` mtu ${q.mtuBytes}` : ''} seen as ${q.source?.join(',') ?? 'any'}`

const outside = { addresses: ips(['198.51.100.2']), http: 80 }
const lines = (...nodes: readonly NodeFacts[]): readonly string[] =>
  planQuestions(nodes, { http: 10_080 }, outside).map(line)

test('pods keep their address to pods and direct nodes, and hide it from nodes behind a tunnel and the outside', () => {
  const asked = lines(
    node(1, [pod('a', ['10.244.0.2'])], { node2: 'vxlan', node3: 'direct' }),
    node(2, [pod('b', ['10.244.1.2'])], { node1: 'vxlan' }),
    node(3, [], { node1: 'direct' }),
  )
  assert.deepEqual(
    asked.filter((l) => l.startsWith('default/a')),
    [
      'default/a → default/b 10.244.1.2:8080 mtu 1450 seen as 10.244.0.2',
      'default/a → node1 10.90.1.11:10080 seen as 10.244.0.2',
      'default/a → node2 10.90.1.12:10080 seen as 10.90.1.11',
      'default/a → node3 10.90.1.13:10080 seen as 10.244.0.2',
      'default/a → outside 198.51.100.2:80 seen as 10.90.1.11',
    ],
  )
  assert.ok(asked.includes('node3 → default/b 10.244.1.2:8080 seen as any'))
})

test('pods of one node have the MTU of its uplink; containers of a pod are asked over both loopbacks', () => {
  const asked = lines(node(1, [pod('a', ['10.244.0.2'], 2), pod('b', ['10.244.0.3'])], {}))
  assert.ok(asked.includes('default/a → default/b 10.244.0.3:8080 mtu 1500 seen as 10.244.0.2'))
  assert.deepEqual(
    asked.filter((l) => l.includes('localhost')),
    [
      'c0 over localhost 127.0.0.1:8080',
      'c0 over localhost ::1:8080',
      'c1 over localhost 127.0.0.1:8081',
      'c1 over localhost ::1:8081',
    ]
      .map((l) => l.replace(' over', ', over'))
      .map((l) => `default/a → default/a, container ${l} seen as ${l.includes('127') ? '127.0.0.1' : '::1'}`),
  )
})

test('a pod of two families is asked in both, each with its own source', () => {
  const dual = lines(node(1, [pod('a', ['10.244.0.2', 'fd00::2']), pod('b', ['10.244.0.3', 'fd00::3'])], {}))
  assert.ok(dual.includes('default/a → default/b 10.244.0.3:8080 mtu 1500 seen as 10.244.0.2'))
  assert.ok(dual.includes('default/a → default/b fd00::3:8080 mtu 1500 seen as fd00::2'))
})

test('host pods and pods without a running container are no part of it', () => {
  const host = { ...pod('host', ['10.90.1.11']), hostNetwork: true }
  assert.deepEqual(lines(node(1, [host, pod('starting', ['10.244.0.2'], 0)], {})), [])
})
