// One TCP connection that carries numbered bytes both ways all the time; each end holds every byte against its place.

import { createServer, Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { listeningSocket } from '../../src/lab/sockets.ts'
import { until } from '../agent/until.ts'
import type { At } from './echo.ts'
import { type Question, Talk } from './talk.ts'

const EVERY_MS = 5
const CHUNK = 700

/** The byte at a place of the stream; repeats after a prime, so no shifted piece looks right. */
const PERIOD = 65_521
const period = Buffer.from(Array.from({ length: PERIOD }, (_, i) => (i * 167 + (i >> 7)) & 0xff))
const pattern = Buffer.concat([period, period.subarray(0, CHUNK)])

class End {
  sent = 0
  received = 0
  fault: string | undefined
  readonly #socket: Socket
  readonly #timer: NodeJS.Timeout

  constructor(socket: Socket) {
    this.#socket = socket
    socket.setNoDelay()
    socket.on('data', (piece: Buffer) => this.#check(piece))
    socket.on('error', (error) => this.#broken(error.message))
    socket.on('close', () => this.#broken('closed'))
    this.#timer = setInterval(() => this.#send(), EVERY_MS)
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  close(): void {
    this.stop()
    this.#socket.destroy()
  }

  #send(): void {
    const at = this.sent % PERIOD
    this.#socket.write(pattern.subarray(at, at + CHUNK))
    this.sent += CHUNK
  }

  #check(piece: Buffer): void {
    for (const byte of piece) {
      if (byte !== pattern[this.received % PERIOD]) this.#broken(`a wrong byte at ${this.received}`)
      this.received++
    }
  }

  #broken(why: string): void {
    this.fault ??= why
    clearInterval(this.#timer)
  }
}

export type Stream = {
  /** Both ends fall silent, and what is under way arrives; how many bytes went each way. */
  readonly finish: () => Promise<readonly [number, number]>
}

/** Runs until it is finished, or the test ends. */
export async function stream(t: TestContext, question: Question, at: At): Promise<Stream> {
  const server = createServer()
  const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve))
  const fd = at.ns.inside(() => listeningSocket(at.ip, at.port))
  await new Promise<void>((resolve) => server.listen({ fd }, resolve))
  const talk = await Talk.open(question)
  const ends = [new End(new Socket({ fd: talk.fd })), new End(await accepted)] as const
  server.close()
  t.after(() => {
    for (const end of ends) end.close()
  })
  const [client, served] = ends
  const whole = (): boolean =>
    client.fault !== undefined ||
    served.fault !== undefined ||
    (client.sent === served.received && served.sent === client.received)
  return {
    finish: async () => {
      for (const end of ends) end.stop()
      await until(`all bytes of the stream to ${at.ip} have arrived`, whole)
      const fault = client.fault ?? served.fault
      if (fault !== undefined) throw new Error(`the stream to ${at.ip}: ${fault}`)
      return [client.received, served.received]
    },
  }
}
