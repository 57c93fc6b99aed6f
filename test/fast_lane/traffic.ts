// All kinds of traffic at once between pods of a cluster, none of which may be lost.

import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { type Program, start } from '../agent/programs.ts'
import { addressOf } from '../guard/cluster.ts'
import { families, type Pod } from './cluster.ts'
import { echo } from './echo.ts'
import { type Stream, stream } from './stream.ts'
import { Talk } from './talk.ts'

const PINGS_PER_SECOND = 20

export type Traffic = {
  /** Resolves when all of it is over and whole; throws where something was lost. */
  readonly finish: () => Promise<void>
}

/** From one pod to each of the others by both families: a stream, pings for so long, UDP questions. */
export async function traffic(
  t: TestContext,
  from: Pod,
  others: readonly Pod[],
  seconds: number,
): Promise<Traffic> {
  const parts = others.flatMap((to) => families.map((v) => ({ from, to, address: addressOf(to, v) })))
  const streams: Stream[] = []
  const pings: Program[] = []
  const udp: Asking[] = []
  for (const { to, address } of parts) {
    await echo(t, { ns: to.ns, ip: address, port: 8080 })
    // The first packet of a pair may wait for a neighbour to be found.
    const talk = await Talk.open({ from: from.ns, to: address, port: 8080, protocol: 'udp', timeoutMs: 2000 })
    t.after(() => talk.close())
    await talk.ask('first')
    udp.push(new Asking(talk))
    const question = { from: from.ns, to: address, port: 8081, protocol: 'tcp' } as const
    streams.push(await stream(t, question, { ns: to.ns, ip: address, port: 8081 }))
    const [count, every] = [String(seconds * PINGS_PER_SECOND), String(1 / PINGS_PER_SECOND)]
    pings.push(start(t, from.ns, 'ping', '-q', '-i', every, '-c', count, '-W', '2', address))
  }
  return {
    finish: async () => {
      await Promise.all(pings.map((p) => p.ended))
      for (const ping of pings) assert.match(ping.output(), / 0% packet loss/)
      for (const asking of udp) assert.ok((await asking.finish()) > 10, 'UDP went on')
      for (const one of streams)
        for (const bytes of await one.finish()) assert.ok(bytes > 10_000, 'the stream went on')
    },
  }
}

/** One UDP question after another; an answer that does not come is a loss. */
class Asking {
  #isOn = true
  #count = 0
  readonly #over: Promise<Error | undefined>

  constructor(talk: Talk) {
    this.#over = this.#run(talk).then(
      () => undefined,
      (why: Error) => why,
    )
  }

  async #run(talk: Talk): Promise<void> {
    while (this.#isOn) {
      await talk.ask(`q${this.#count++}`)
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }

  /** How many were answered. */
  async finish(): Promise<number> {
    this.#isOn = false
    const why = await this.#over
    if (why) throw why
    return this.#count
  }
}
