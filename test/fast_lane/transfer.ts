// A large transfer in both directions at once over one connection, held against its SHA-256.

import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { createServer, Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { listeningSocket } from '../../src/lab/sockets.ts'
import type { At } from './echo.ts'
import { type Question, Talk } from './talk.ts'

const BYTES = 6 << 20

/** Sends all of it, ends its direction, and says what the other end has sent. */
async function exchange(socket: Socket, data: Buffer): Promise<string> {
  const hash = createHash('sha256')
  const sent = new Promise<void>((resolve) => socket.end(data, resolve))
  // Not «for await»: at the end of the other direction it would destroy what is still to be sent.
  const heard = new Promise<void>((resolve, reject) => {
    socket
      .on('data', (piece) => hash.update(piece))
      .on('end', resolve)
      .on('error', reject)
  })
  await Promise.all([sent, heard])
  return hash.digest('hex')
}

export async function transferBothWays(t: TestContext, question: Question, at: At): Promise<void> {
  const [there, back] = [randomBytes(BYTES), randomBytes(BYTES)]
  const server = createServer({ allowHalfOpen: true })
  const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve))
  const fd = at.ns.inside(() => listeningSocket(at.ip, at.port))
  await new Promise<void>((resolve) => server.listen({ fd }, resolve))
  const talk = await Talk.open(question)
  const sockets = [new Socket({ fd: talk.fd, allowHalfOpen: true }), await accepted] as const
  server.close()
  t.after(() => {
    for (const socket of sockets) socket.destroy()
  })
  const [gotBack, gotThere] = await Promise.all([exchange(sockets[0], there), exchange(sockets[1], back)])
  const sum = (data: Buffer): string => createHash('sha256').update(data).digest('hex')
  assert.equal(gotThere, sum(there))
  assert.equal(gotBack, sum(back))
}
