import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { createServer, Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { listeningSocket } from '../../src/lab/sockets.ts'
import { addressOf } from '../guard/cluster.ts'
import { fastCluster, type Pod } from './cluster.ts'
import { udpSocket } from './echo.ts'
import { onEveryLane } from './lanes.ts'
import { Talk } from './talk.ts'

const BITS_PER_SECOND = 10_000_000
const BURST_BITS = 200_000
const WINDOW_MS = 400
const limit = {
  ingressRate: BITS_PER_SECOND,
  ingressBurst: BURST_BITS,
  egressRate: BITS_PER_SECOND,
  egressBurst: BURST_BITS,
}

type Flow = {
  /** Bytes that have arrived. */
  readonly arrived: () => number
}

/** Datagrams, six times as fast as the limit. */
async function udpFlow(t: TestContext, from: Pod, to: Pod): Promise<Flow> {
  const fd = to.ns.inside(() => udpSocket(addressOf(to, 4), 9000))
  const sink = createSocket('udp4')
  let bytes = 0
  sink.on('message', (data) => {
    bytes += data.length
  })
  await new Promise<void>((resolve) => sink.bind({ fd }, resolve))
  const talk = await Talk.open({ from: from.ns, to: addressOf(to, 4), port: 9000, protocol: 'udp' })
  const datagram = Buffer.alloc(1200)
  const timer = setInterval(() => {
    for (let n = 0; n < 12; n++) talk.send(datagram)
  }, 2)
  t.after(() => {
    clearInterval(timer)
    talk.close()
    sink.close()
  })
  return { arrived: () => bytes }
}

/** A stream that never lacks something to send. */
async function tcpFlow(t: TestContext, from: Pod, to: Pod): Promise<Flow> {
  let bytes = 0
  const server = createServer((socket) => {
    t.after(() => socket.destroy())
    socket
      .on('error', () => {})
      .on('data', (data) => {
        bytes += data.length
      })
  })
  const fd = to.ns.inside(() => listeningSocket(addressOf(to, 6), 9000))
  await new Promise<void>((resolve) => server.listen({ fd }, resolve))
  const talk = await Talk.open({ from: from.ns, to: addressOf(to, 6), port: 9000, protocol: 'tcp' })
  const socket = new Socket({ fd: talk.fd })
  const piece = Buffer.alloc(65_536)
  const more = (): void => {
    while (!socket.destroyed && socket.write(piece));
  }
  socket.on('error', () => {}).on('drain', more)
  more()
  t.after(() => {
    socket.destroy()
    server.close()
  })
  return { arrived: () => bytes }
}

onEveryLane('a pod’s bandwidth limit holds in both directions, near and far', async (t, setting) => {
  const { nodes } = await fastCluster(t, setting)
  const [one, two] = nodes
  const free = { near: await one.pod('near'), far: await two.pod('far') }
  for (const start of [udpFlow, tcpFlow]) {
    const kind = start === udpFlow ? 'UDP' : 'TCP'
    const slow = await Promise.all([0, 1, 2, 3].map((n) => one.pod(`${kind}-${n}`, { bandwidth: limit })))
    const [a, b, c, d] = slow
    assert.ok(a && b && c && d)
    const flows = await Promise.all(
      (
        [
          [a, free.near],
          [free.near, b],
          [c, free.far],
          [free.far, d],
        ] as const
      ).map(([from, to]) => start(t, from, to)),
    )
    // What the bucket held at the start is over by then.
    await sleep(150)
    const before = flows.map((f) => f.arrived())
    const began = performance.now()
    await sleep(WINDOW_MS)
    const allowed = (BITS_PER_SECOND / 8) * ((performance.now() - began) / 1000)
    const title = ['near, leaving', 'near, entering', 'far, leaving', 'far, entering']
    flows.forEach((flow, i) => {
      // How much less it may be is TCP's matter; but something has to come.
      const share = (flow.arrived() - (before[i] ?? 0)) / allowed
      assert.ok(share < 1.5 && share > 0.05, `${kind}, ${title[i]}: ${share.toFixed(2)} of the limit`)
    })
  }
})
