// Whom the agent answers: known nodes from their own addresses, and nobody more than he has sent.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Ip, parseIp } from '../../src/base/ip.ts'
import { must } from '../../src/base/result.ts'
import { destination, openUdpSocket, type UdpSocket } from '../../src/kernel/udp_socket.ts'
import { type Probe, readProbe, SMALLEST, writeProbe } from '../../src/observe/probes/packet.ts'
import type { TestNamespace } from '../namespaces.ts'
import { run } from './dump.ts'
import { nodeWithOutside } from './fixtures.ts'
import { pathOf } from './probed.ts'
import { until } from './until.ts'

const PORT = 9475
const ip = (text: string): Ip => must(parseIp(text))
const question: Probe = {
  ...{ type: 'question', kind: 'direct', isUnsummed: false, isSpoilt: false, nonce: 77, sizeBytes: SMALLEST },
  received: { seconds: 0, nanoseconds: 0 },
  sent: { seconds: 0, nanoseconds: 0 },
  heard: { direct: { count: 0, ageMs: undefined }, vxlan: { count: 0, ageMs: undefined } },
}

function bytesOf(probe: Probe, size = SMALLEST): Buffer {
  const bytes = Buffer.alloc(size)
  writeProbe(bytes, probe)
  return bytes
}

function socketIn(ns: TestNamespace, port: number): UdpSocket {
  const opened = ns.inside(() => openUdpSocket('eth0', 4, port))
  if (!opened.ok) throw new Error(`errno ${opened.error}`)
  return opened.value
}

/** Payload sizes of the answers to what is sent, the agent's own questions left out. */
async function answers(socket: UdpSocket, ...sent: readonly Buffer[]): Promise<readonly number[]> {
  for (const bytes of sent) assert.equal(socket.send(destination(ip('192.0.2.1'), PORT), bytes), 0)
  await sleep(150)
  const sizes: number[] = []
  for (let got = socket.receive(); got; got = socket.receive())
    if (readProbe(got.bytes)?.probe.type === 'answer') sizes.push(got.bytes.length)
  return sizes
}

test('a known node has one answer of 64 bytes, a stranger, another port and what is no probe have none', async (t) => {
  const { bench, outside } = nodeWithOutside(t)
  await bench.start()
  const peer = socketIn(outside, PORT)
  await until('the node is known', async () => (await answers(peer, bytesOf(question))).length === 1)
  assert.deepEqual(await answers(peer, bytesOf(question, 1472)), [SMALLEST])
  const garbage = [Buffer.alloc(0), Buffer.alloc(SMALLEST), bytesOf(question).subarray(0, 63)]
  assert.deepEqual(await answers(peer, ...garbage), [])
  assert.deepEqual(await answers(peer, bytesOf({ ...question, kind: 'vxlan' })), [])
  const other = socketIn(outside, PORT + 1)
  assert.deepEqual(await answers(other, bytesOf(question)), [])
  other.close()
  peer.close()
  run(outside, 'ip', 'address', 'flush', 'dev', 'eth0')
  run(outside, 'ip', 'address', 'add', '192.0.2.77/24', 'dev', 'eth0')
  const stranger = socketIn(outside, PORT)
  assert.deepEqual(await answers(stranger, bytesOf(question)), [])
  stranger.close()
})

test('answers that nobody asked for make no path look well', async (t) => {
  const { bench, outside } = nodeWithOutside(t)
  await bench.start()
  const peer = socketIn(outside, PORT)
  await until('the node is known', async () => (await answers(peer, bytesOf(question))).length === 1)
  const forged = Array.from({ length: 200 }, (_, nonce) => bytesOf({ ...question, type: 'answer', nonce }))
  for (let i = 0; i < 10; i++) await answers(peer, ...forged)
  await until('it is seen through', async () => (await pathOf(bench, 'direct')).reach === 'in-only')
  assert.equal((await pathOf(bench, 'direct')).rttUs, undefined)
  peer.close()
})

test('a farewell that knows nothing of what was asked hides no silence', async (t) => {
  const { bench, outside } = nodeWithOutside(t)
  await bench.start()
  const peer = socketIn(outside, PORT)
  await until('the node is known', async () => (await answers(peer, bytesOf(question))).length === 1)
  assert.deepEqual(await answers(peer, bytesOf({ ...question, type: 'farewell' })), [])
  await until('its silence is seen', async () => (await pathOf(bench, 'direct')).reach === 'none', 15_000)
  peer.close()
})
