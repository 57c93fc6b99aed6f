// A large transfer between two pods over a new connection, and how long it takes to arrive.

import { createServer, Socket } from 'node:net'
import type { Family } from '../../src/base/ip.ts'
import { listeningSocket } from '../../src/lab/sockets.ts'
import type { Pod } from '../fast_lane/cluster.ts'
import { Talk } from '../fast_lane/talk.ts'
import { addressOf } from '../guard/cluster.ts'

const BYTES = 400_000
const PORT = 7100

/** Milliseconds until the last byte is there; undefined: it is not within the time. */
export async function transfer(
  from: Pod,
  to: Pod,
  family: Family,
  withinMs = 1500,
): Promise<number | undefined> {
  const ip = addressOf(to, family)
  const sockets: Socket[] = []
  const server = createServer()
  const fd = to.ns.inside(() => listeningSocket(ip, PORT))
  await new Promise<void>((resolve) => server.listen({ fd }, resolve))
  const begun = performance.now()
  let heard = 0
  let timer: NodeJS.Timeout | undefined
  const all = new Promise<number | undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), withinMs)
    server.on('connection', (socket) => {
      sockets.push(socket.on('error', () => {}))
      socket.on('data', (piece) => {
        heard += piece.length
        if (heard >= BYTES) resolve(performance.now() - begun)
      })
    })
  })
  const question = { from: from.ns, to: ip, port: PORT, protocol: 'tcp', timeoutMs: withinMs } as const
  const talk = await Talk.open(question).catch(() => undefined)
  if (talk) {
    const socket = new Socket({ fd: talk.fd }).on('error', () => {})
    sockets.push(socket)
    socket.write(Buffer.alloc(BYTES, 7))
  }
  const took = talk && (await all)
  clearTimeout(timer)
  for (const socket of sockets) socket.destroy()
  server.close()
  return took
}
