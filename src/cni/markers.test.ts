import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { silentLog } from '../base/log.ts'
import { must, ok } from '../base/result.ts'
import { shortId } from '../plan/pod_link.ts'
import { withMarkers } from './markers.ts'
import { callVerb, configOf, podVariables } from './testing/calls.ts'
import { memoryNetwork } from './testing/memory_network.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'podlane-markers-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const config = configOf('1.1.0')
const gcConfig = configOf('1.1.0', { 'cni.dev/valid-attachments': [] })
const gc = { CNI_COMMAND: 'GC' }

function markedNetwork() {
  const network = memoryNetwork()
  return { network, marked: withMarkers(network, folder, silentLog) }
}

for (const id of ['c1', 'x'.repeat(100)]) {
  test(`GC waits for the turn of a container with an ID of ${id.length} characters: a DEL under way ends first`, async () => {
    const { network, marked } = markedNetwork()
    await callVerb(marked, podVariables('ADD', id), config)
    // As the agent does, which knows long IDs by their hash only.
    const surplus = async () =>
      [...network.attachments.values()].map((a) => ({
        containerId: shortId(a.containerId),
        ifName: a.ifName,
        hostIndex: a.hostInterface.index,
      }))
    const whole = withMarkers({ ...network, surplus }, folder, silentLog)
    const held = Promise.withResolvers<void>()
    const verbs: string[] = []
    network.before = async (verb) => {
      verbs.push(`${verb} begins`)
      await held.promise
      verbs.push(`${verb} ends`)
      return ok(undefined)
    }
    const deleting = callVerb(whole, podVariables('DEL', id), config)
    const collecting = callVerb(whole, gc, gcConfig)
    await new Promise((resolve) => setImmediate(resolve))
    held.resolve()
    assert.deepEqual([(await deleting).exitCode, (await collecting).exitCode], [0, 0])
    assert.deepEqual(verbs, ['DEL begins', 'DEL ends', 'DEL begins', 'DEL ends'])
  })

  test(`GC removes the marker of what it removes, with an ID of ${id.length} characters`, async () => {
    const { network } = markedNetwork()
    const surplus = async () => [
      { containerId: shortId(id), ifName: 'eth0', hostIndex: must(await made).hostInterface.index },
    ]
    const made = network.add({
      ...{ containerId: id, ifName: 'eth0', netnsFd: 0, network: 'podlane', podUid: undefined, ips: [] },
      ...{ podNamespace: undefined, podName: undefined, mac: undefined, hostPorts: [], bandwidth: undefined },
    })
    await made
    writeFileSync(join(folder, `${id}@eth0`), 'network=podlane\n')
    writeFileSync(join(folder, 'other@eth0'), 'network=podlane\n')
    const marked = withMarkers({ ...network, surplus }, folder, silentLog)
    assert.equal((await callVerb(marked, gc, gcConfig)).exitCode, 0)
    assert.deepEqual(readdirSync(folder), ['other@eth0'])
  })
}

test('a pod added again while GC waited for its turn stays', async () => {
  const { network, marked } = markedNetwork()
  await callVerb(marked, podVariables('ADD'), config)
  const held = Promise.withResolvers<void>()
  network.before = async () => {
    await held.promise
    return ok(undefined)
  }
  const deleting = callVerb(marked, podVariables('DEL'), config)
  const adding = callVerb(marked, podVariables('ADD'), config)
  const collecting = callVerb(marked, gc, gcConfig)
  await new Promise((resolve) => setImmediate(resolve))
  held.resolve()
  const replies = await Promise.all([deleting, adding, collecting])
  assert.deepEqual(
    replies.map((r) => r.exitCode),
    [0, 0, 0],
  )
  assert.deepEqual([...network.attachments.keys()], ['c1 eth0'])
})

test('undo of an ADD leaves what a later ADD of the same container made', async () => {
  const { network, marked } = markedNetwork()
  const first = await callVerb(marked, podVariables('ADD'), config)
  await callVerb(marked, podVariables('DEL'), config)
  const second = await callVerb(marked, podVariables('ADD'), config)
  await first.undo?.()
  assert.deepEqual([...network.attachments.keys()], ['c1 eth0'])
  await second.undo?.()
  assert.equal(network.attachments.size, 0)
})
