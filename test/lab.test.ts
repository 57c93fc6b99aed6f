import './lab_name.ts'
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { faultText, must } from '../src/base/result.ts'
import { startNode } from '../src/lab/background.ts'
import { checkLab } from '../src/lab/check/check.ts'
import { powerOff, takeDown } from '../src/lab/down.ts'
import { enter } from '../src/lab/enter.ts'
import { askNodeStatus, commandAgent } from '../src/lab/node_status.ts'
import { agentSocket, kubeconfigFile } from '../src/lab/paths.ts'
import { gone, isAlive, signal } from '../src/lab/processes.ts'
import { readProcesses, readRecord } from '../src/lab/record.ts'
import { askSocket } from '../src/lab/socket_client.ts'
import { askAgentStatus } from '../src/lab/status.ts'
import { planTopology } from '../src/lab/topology.ts'
import { makeNode } from '../src/lab/underlay.ts'
import { isUp, labSteps, usualOptions } from '../src/lab/up.ts'
import { untilReady } from '../src/lab/waiting.ts'
import type { LaneWord } from '../src/schema/lane_request.ts'
import { bringUp, hostState, labBody, remains } from './lab_runs.ts'

const kubectl = (args: readonly string[], input = ''): string =>
  execFileSync('kubectl', args, {
    encoding: 'utf8',
    input,
    env: { ...process.env, KUBECONFIG: kubeconfigFile },
    timeout: 30_000,
  })

async function inside(where: string, ...argv: readonly string[]): Promise<string> {
  const [file = '', ...args] = must(await enter(where, argv))
  return execFileSync(file, args, { encoding: 'utf8', timeout: 10_000 })
}

/** The agent answers before it knows all nodes again. */
async function synced(node: string): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    const status = await askAgentStatus(node)
    if (status.ok && status.value.source.synced && status.value.peers.length === 2) return
    await sleep(50)
  }
  assert.fail(`the agent of ${node} is not in sync`)
}

const setLane = async (lane: LaneWord, ...nodes: readonly string[]): Promise<void> => {
  for (const node of nodes) must(await askSocket(agentSocket(node), 'PUT', '/lane', { lane }))
}

async function everyPairReached(pairs: number): Promise<void> {
  const report = must(await checkLab())
  assert.deepEqual(report.failed, [])
  assert.equal(report.pairs, pairs)
  assert.equal(report.reached, pairs)
}

describe('a lab of three nodes on two segments with both families', () => {
  const options = { segments: 2, families: 'dual' } as const
  let host: ReturnType<typeof hostState>
  before(async () => {
    must(await takeDown())
    host = hostState()
    await bringUp(options)
  })
  after(async () => {
    must(await takeDown())
  })

  test('every pair of pods, nodes, the outside and localhost answer each other', () => everyPairReached(30))

  test('what is broken is named: refused UDP on one node, a swallowed «packet too big» on another', async () => {
    const rules = (hook: string, rule: string): string =>
      `add table inet broken; add chain inet broken x { type filter hook ${hook} priority 0; }; add rule inet broken x ${rule}`
    // Packets in the fast lane do not meet the host's forward rules.
    await setLane('plain', 'node1', 'node2', 'node3')
    await inside('node2', 'nft', rules('forward', 'meta l4proto udp reject'))
    await inside('node1', 'nft', rules('output', 'icmp type destination-unreachable drop'))
    const report = must(await checkLab())
    for (const node of ['node1', 'node2']) await inside(node, 'nft', 'delete table inet broken')
    await setLane('default', 'node1', 'node2', 'node3')
    const whys = (from: string, to: string): string =>
      report.failed
        .filter((f) => f.from === from && f.to === to)
        .map((f) => f.why)
        .join(' ')
    assert.match(whys('default/node1-pod1', 'default/node2-pod1'), /UDP: ECONNREFUSED/)
    assert.match(whys('default/node1-pod2', 'default/node3-pod1'), /one byte more than .* 1450: no answer/)
    assert.equal(whys('default/node3-pod1', 'default/node1-pod1'), '')
    // Untouched: pods of node1 and node3 to those of their own node, and from node3 to node1.
    assert.equal(report.reached, 2 + 2 + 4)
  })

  test('nodes of one segment reach each other directly, across the router by vxlan', async () => {
    const paths = async (node: string): Promise<Record<string, string>> =>
      Object.fromEntries(must(await askAgentStatus(node)).peers.map((p) => [p.name, p.path]))
    assert.deepEqual(await paths('node1'), { node2: 'direct', node3: 'vxlan' })
    assert.deepEqual(await paths('node3'), { node1: 'vxlan', node2: 'vxlan' })
  })

  test('with one node in the plain lane and the others in the fast one every pair is reached', async () => {
    const lanes = async () => {
      const { measured } = must(await checkLab())
      const of = (from: string, to: string) =>
        new Set(measured.filter((m) => m.from.includes(from) && m.to.includes(to)).map((m) => m.path.lane))
      return [...of('node1', 'node3'), ...of('node3', 'node1'), ...of('node2', 'node2')]
    }
    assert.deepEqual(await lanes(), ['fast', 'fast', 'fast'])
    await setLane('plain', 'node1')
    assert.deepEqual(await lanes(), ['plain', 'fast', 'fast'])
    await everyPairReached(30)
    await setLane('default', 'node1')
    assert.deepEqual(await lanes(), ['fast', 'fast', 'fast'])
  })

  test('a second lab is refused and the first is named', () => {
    const steps = labSteps(usualOptions)
    assert.match(
      steps.ok ? '' : faultText(steps.error),
      /one that is up since .* run «podlane lab down» first/,
    )
  })

  test('a pod from kubectl gets node, address, server and hostPort; its deletion takes all of it away', async () => {
    const manifest = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'web' },
      spec: {
        nodeName: 'node2',
        containers: [{ name: 'web', image: 'nginx', ports: [{ containerPort: 80, hostPort: 8088 }] }],
      },
    }
    kubectl(['apply', '-f', '-'], JSON.stringify(manifest))
    kubectl(['wait', '--for=condition=Ready', 'pod/web', '--timeout=20s'])
    const pod = JSON.parse(kubectl(['get', 'pod', 'web', '-o', 'json']))
    assert.equal(pod.status.podIPs.length, 2)
    assert.match(
      await inside('node1-pod1', 'curl', '-s', '-m5', `http://${pod.status.podIP}/`),
      /"hostname":"web"/,
    )
    assert.match(
      await inside('outside', 'curl', '-s', '-m5', `http://${pod.status.hostIP}:8088/`),
      /"hostname":"web"/,
    )
    kubectl(['delete', 'pod', 'web', '--timeout=20s'])
    const { pods } = must(await askNodeStatus('node2'))
    assert.deepEqual(pods.map((p) => p.name).sort(), ['node2-pod1', 'node2-pod2'])
    const links = must(await askAgentStatus('node2')).pods.map((p) => p.name)
    assert.deepEqual(links.sort(), ['node2-pod1', 'node2-pod2'])
  })

  test('a killed container is started again in its pod and counted', async () => {
    const before = must(await askNodeStatus('node1')).pods.find((p) => p.name === 'node1-pod1')
    const server = before?.containers.find((c) => c.name === 'server')
    process.kill(server?.pid ?? -1, 'SIGKILL')
    const restarts = (): string =>
      kubectl([
        'get',
        'pod',
        'node1-pod1',
        '-o',
        'jsonpath={.status.containerStatuses[0].restartCount} {.status.containerStatuses[0].ready}',
      ])
    for (let tries = 0; tries < 100 && restarts() !== '1 true'; tries++) await sleep(50)
    assert.equal(restarts(), '1 true')
    const now = must(await askNodeStatus('node1')).pods.find((p) => p.name === 'node1-pod1')
    assert.deepEqual(now?.addresses, before?.addresses)
  })

  test('an agent that is stopped stays away until it is started, and pods keep their network meanwhile', async () => {
    must(await commandAgent('node1', 'stop'))
    assert.equal(must(await askNodeStatus('node1')).agent.pid, undefined)
    const to = must(await askNodeStatus('node3')).pods[0]?.addresses[0]
    assert.match(
      await inside('node1-pod1', 'curl', '-s', '-m5', `http://${to}:8080/`),
      /"hostname":"node3-pod1"/,
    )
    must(await commandAgent('node1', 'start'))
    await synced('node1')
    await everyPairReached(30)
  })

  test('a node that lost its power comes back with its pods', async () => {
    must(await powerOff('node2'))
    const plan = must(planTopology({ ...usualOptions, ...options }))
    const node = plan.nodes.find((n) => n.name === 'node2')
    assert.ok(node)
    makeNode(node, plan.mtuBytes)
    startNode(node.name)
    for (
      let tries = 0;
      tries < 100 && (await askNodeStatus('node2').then((s) => !s.ok || s.value.pods.length < 2));
      tries++
    )
      await sleep(50)
    must(await untilReady('/api/v1/pods', ['node2-pod1', 'node2-pod2'], () => {}))
    await synced('node2')
    await everyPairReached(30)
  })

  test('what a killed lab left is removed by the next «up», and «down» leaves nothing', async () => {
    const old = labBody()
    const heads = [...readProcesses().values()]
    for (const head of heads) signal(head, 'SIGKILL')
    assert.ok(await gone(heads, 5000))
    assert.ok(old.processes.some(isAlive), 'agents and pods outlive the processes that were killed')
    assert.equal(isUp(), false)
    const [clean, ...steps] = must(labSteps({ ...usualOptions, families: 'ipv6', lane: 'plain' }))
    assert.ok(clean)
    must(await clean.run(() => {}))
    // Before anything new is made: the kernel gives the numbers of namespaces anew.
    assert.deepEqual(await remains(old), { processes: [], namespaces: [] })
    for (const step of steps) must(await step.run(() => {}))
    await everyPairReached(30)
    assert.equal(readRecord()?.options.lane, 'plain')
    assert.equal(must(await askAgentStatus('node3')).fastLane?.lane, 'plain')
    const body = labBody()
    assert.ok(body.processes.length > 12 && body.namespaces.size > 10)
    must(await takeDown())
    assert.deepEqual(await remains(body), { processes: [], namespaces: [] })
    assert.deepEqual(hostState(), host)
    assert.equal(readRecord(), undefined)
    assert.deepEqual(must(await takeDown()), { processes: 0, namespaces: 0 })
  })
})
