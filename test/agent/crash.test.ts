import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { programPath, startProgram } from '../../src/cni/testing/program.ts'
import { type TestNamespace, testNamespace } from '../namespaces.ts'
import { becomes, kernelDump, run } from './dump.ts'
import { nodeWithOutside } from './fixtures.ts'
import { ipsOf, type NodeBench } from './node_bench.ts'
import { until } from './until.ts'

const KILLS = 30

/**
 * One container's life for as long as the storm lasts: ADD, DEL, ADD …; what it was told last is what must hold. An ADD
 * that failed may have been done all the same: as every runtime does, DEL comes next, until it succeeds.
 */
async function live(bench: NodeBench, container: string, ns: TestNamespace, storm: { on: boolean }) {
  let ips: readonly string[] = []
  let state: 'none' | 'stands' | 'unsure' = 'none'
  while (storm.on || state === 'unsure') {
    const adds: boolean = state === 'none'
    const call = await bench.call(adds ? 'ADD' : 'DEL', container, ns.path, {
      config: adds
        ? { runtimeConfig: { portMappings: [{ hostPort: 9000 + ns.fd, containerPort: 80 }] } }
        : {},
    })
    if (call.code !== 0) assert.ok([11, 103].includes(Number(call.json.code)), call.stdout)
    if (call.code === 0) state = adds ? 'stands' : 'none'
    else if (adds) state = 'unsure'
    if (call.code === 0) ips = adds ? ipsOf(call) : []
  }
  return { container, ns, ips }
}

test('an agent killed again and again in the middle of ADDs and DELs leaves exactly what the pods need', async (t) => {
  const { bench } = nodeWithOutside(t)
  await bench.start()
  await bench.settled(300)
  const before = kernelDump(bench.ns)
  const storm = { on: true }
  const lives = Array.from({ length: 6 }, (_, i) => live(bench, `c${i}`, testNamespace(t), storm))
  for (let kill = 0; kill < KILLS; kill++) {
    await sleep(Math.random() * 120)
    await bench.agent.kill()
    const agent = bench.launch()
    // Some die before they are up.
    if (kill % 3 !== 0) await agent.up()
  }
  await bench.agent.up()
  storm.on = false
  const ended = await Promise.all(lives)
  const alive = ended.filter((l) => l.ips.length > 0)
  await until('the deleted links are gone', () => podLinks(bench) === alive.length)
  await bench.settled(300)

  assert.equal(new Set(alive.flatMap((l) => l.ips)).size, alive.length * 2, 'no address twice')
  for (const { ns, ips, container } of ended) {
    const found = run(ns, 'ip', '-o', 'address', 'show', 'scope', 'global')
    for (const ip of ips) assert.ok(found.includes(ip), `${container} has ${found}, wanted ${ips}`)
    assert.equal(found === '', ips.length === 0, `${container}: ${found}`)
  }
  await bench.agent.kill()
  const last = await bench.start()
  await bench.settled(1_300)
  assert.deepEqual(last.changes(), [], 'a restart changes nothing that is right')
  for (const { container, ns } of ended) assert.equal((await bench.call('DEL', container, ns.path)).code, 0)
  await becomes(bench.ns, before)
})

const podLinks = (bench: NodeBench): number =>
  run(bench.ns, 'ip', '-o', 'link').match(/podl[0-9a-f]{11}/g)?.length ?? 0

test('a CNI program killed at any moment leaves a whole pod or none', async (t) => {
  const { bench } = nodeWithOutside(t)
  await bench.start()
  await bench.settled(300)
  const before = kernelDump(bench.ns)
  const ns = testNamespace(t)
  for (let i = 0; i < 40; i++) {
    const variables = {
      PODLANE_SOCKET: `${bench.runFolder}/cni.sock`,
      CNI_COMMAND: 'ADD',
      CNI_CONTAINERID: `c${i}`,
      CNI_IFNAME: 'eth0',
      CNI_NETNS: ns.path,
    }
    const config = JSON.stringify({ cniVersion: '1.1.0', name: 'podlane', type: 'podlane' })
    const program = startProgram(variables, config, [programPath])
    await sleep(Math.random() * 12)
    program.kill()
    await program.ended
    assert.equal((await bench.call('DEL', `c${i}`, ns.path)).code, 0)
  }
  await becomes(bench.ns, before)
  assert.equal(run(ns, 'ip', '-o', 'link').trim().split('\n').length, 1, 'only lo is left in the pod')
})

test('a pod whose namespace ends without DEL frees its address after the cool-down and leaves nothing', async (t) => {
  const nodes = [{ name: 'a', addresses: ['192.0.2.1'], podCIDRs: ['10.244.1.0/30'] }]
  const { bench } = nodeWithOutside(t, { nodes, config: { ipam: { coolDownSeconds: 2 } } })
  await bench.start()
  await bench.settled(300)
  const before = kernelDump(bench.ns, /cooling|elements = { 10.244.1.2 }/)
  const pod = await bench.doomedPod('doomed')
  assert.deepEqual(pod.ips, ['10.244.1.2'])
  pod.destroy()
  await until('the agent notices', async () => (await bench.status()).pods.length === 0)
  await until('its address rests', () =>
    run(bench.ns, 'nft', 'list', 'set', 'inet', 'podlane', 'cooling4').includes('10.244.1.2'),
  )
  const late = testNamespace(t)
  assert.equal((await bench.call('ADD', 'late', late.path)).json.code, 101)
  await until('the address is free', async () => (await bench.call('ADD', 'late', late.path)).code === 0)
  assert.equal((await bench.call('DEL', 'late', late.path)).code, 0)
  assert.equal((await bench.call('DEL', 'doomed', undefined)).code, 0)
  await becomes(bench.ns, before, /cooling|elements = { 10.244.1.2 }/)
})

test('a pod that ended while no agent ran leaves nothing, and its address rests all the same', async (t) => {
  const { bench } = nodeWithOutside(t, { config: { ipam: { coolDownSeconds: 3 } } })
  await bench.start()
  await bench.settled(300)
  const before = kernelDump(bench.ns)
  const pod = await bench.doomedPod('doomed')
  await bench.agent.kill()
  assert.equal((await bench.call('DEL', 'doomed', undefined, { waitMs: 50 })).code, 0)
  pod.destroy()
  await until('its link is gone', () => podLinks(bench) === 0)
  await bench.start()
  assert.equal((await bench.status()).ranges[0]?.coolingDown, 1)
  await becomes(bench.ns, before)
})

test('a DEL right after the pod’s namespace ended still frees the address', async (t) => {
  const { bench } = nodeWithOutside(t)
  await bench.start()
  const pod = await bench.doomedPod('doomed')
  pod.destroy()
  await until('its link is gone', () => podLinks(bench) === 0)
  assert.equal((await bench.call('DEL', 'doomed', undefined)).code, 0)
  await until('the address is free', async () => (await bench.status()).ranges[0]?.used === 0)
  const again = await bench.call('ADD', 'doomed', testNamespace(t).path)
  assert.equal(again.code, 0, again.stdout)
})

test('300 ADDs and DELs leave as many descriptors as before, and the kernel as it was', async (t) => {
  const { bench } = nodeWithOutside(t, { config: { ipam: { coolDownSeconds: 0 } } })
  await bench.start()
  await bench.settled(300)
  const before = kernelDump(bench.ns)
  const pod = await bench.pod('first')
  await pod.del()
  await becomes(bench.ns, before)
  const open = bench.openDescriptors()
  const workers = Array.from({ length: 5 }, async (_, worker) => {
    const ns = testNamespace(t)
    for (let i = 0; i < 60; i++) {
      const id = `c${worker}-${i}`
      const added = await bench.call('ADD', id, ns.path, { ifName: `eth${i}` })
      assert.equal(added.code, 0, added.stdout)
      const deleted = await bench.call('DEL', id, ns.path, { ifName: `eth${i}` })
      assert.equal(deleted.code, 0, deleted.stdout)
    }
  })
  await Promise.all(workers)
  await becomes(bench.ns, before)
  await until('no descriptor more', () => bench.openDescriptors() <= open)
})
