import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { createServer, Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { listeningSocket } from '../../src/lab/sockets.ts'
import { addressOf } from '../guard/cluster.ts'
import { families, fastCluster } from './cluster.ts'
import type { At } from './echo.ts'
import { onEveryLane } from './lanes.ts'
import { type Question, Talk } from './talk.ts'

const BYTES = 8 << 20

/** Sends all of it, ends its direction, and says what the other end has sent. */
async function exchange(socket: Socket, data: Buffer): Promise<string> {
  socket.end(data)
  const hash = createHash('sha256')
  for await (const piece of socket) hash.update(piece)
  return hash.digest('hex')
}

async function bothWays(t: TestContext, question: Question, at: At): Promise<void> {
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

for (const podMtu of ['smallest', 'uplink'])
  onEveryLane(
    `large transfers both ways over one connection have the right sum, podMtu ${podMtu}`,
    async (t, setting) => {
      const { nodes } = await fastCluster(t, { ...setting, config: { podMtu } })
      const [one, two] = nodes
      const from = await one.pod('from')
      for (const to of [await one.pod('near'), await two.pod('far')])
        for (const v of families) {
          const address = addressOf(to, v)
          const question = { from: from.ns, to: address, port: 8080, protocol: 'tcp' } as const
          await bothWays(t, question, { ns: to.ns, ip: address, port: 8080 })
        }
    },
  )
