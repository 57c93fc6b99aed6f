// All kinds of traffic at once between pods of a cluster, none of which may be lost.

import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { type Program, start } from '../agent/programs.ts'
import { addressOf } from '../guard/cluster.ts'
import { families, type Pod } from './cluster.ts'
import { echo } from './echo.ts'
import { type Stream, stream } from './stream.ts'
import { Talk } from './talk.ts'

const PING_EVERY_SECONDS = '0.05'

export type Traffic = {
  /** Ends it; resolves when all has arrived, throws where something was lost. */
  readonly finish: () => Promise<void>
}

/**
 * From one pod to each of the others by both families: a stream, pings, UDP questions.
 * @param mayLose so many packets of each conversation, where the kernel itself may lose one
 */
export async function traffic(
  t: TestContext,
  from: Pod,
  others: readonly Pod[],
  mayLose = 0,
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
    pings.push(start(t, from.ns, 'ping', '-i', PING_EVERY_SECONDS, '-W', '2', address))
  }
  return {
    finish: async () => {
      for (const ping of pings) assert.ok((await answeredPings(ping, mayLose)) > 10, 'pings went on')
      for (const asking of udp) assert.ok((await asking.finish(mayLose)) > 10, 'UDP went on')
      for (const one of streams)
        for (const bytes of await one.finish()) assert.ok(bytes > 10_000, 'the stream went on')
    },
  }
}

/** Ends it and counts; all are answered, but for the last one, which may be under way. */
async function answeredPings({ child, ended, output }: Program, mayLose: number): Promise<number> {
  child.kill('SIGINT')
  await ended
  const sent = Number(/(\d+) packets transmitted/.exec(output())?.[1])
  const answered = [...output().matchAll(/icmp_seq=(\d+) ttl/g)].map((found) => Number(found[1]))
  const lost = Array.from({ length: sent - 1 }, (_, i) => i + 1).filter((n) => !answered.includes(n))
  assert.ok(lost.length <= mayLose, `lost: ${lost}\n${output()}`)
  return answered.length
}

/** One UDP question after another; an answer that does not come is a loss. */
class Asking {
  #isOn = true
  #count = 0
  readonly #lost: Error[] = []
  readonly #over: Promise<void>

  constructor(talk: Talk) {
    this.#over = this.#run(talk)
  }

  async #run(talk: Talk): Promise<void> {
    while (this.#isOn) {
      await talk.ask(`q${this.#count++}`).catch((why: Error) => this.#lost.push(why))
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }

  /** How many were asked. */
  async finish(mayLose: number): Promise<number> {
    this.#isOn = false
    await this.#over
    const [why] = this.#lost
    if (why && this.#lost.length > mayLose) throw why
    return this.#count
  }
}
