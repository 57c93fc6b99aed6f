import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Ip } from '../../src/base/ip.ts'
import { arp } from '../guard/frames.ts'
import { type Arrival, decide, Flows, type Outcome, type World } from './model.ts'
import { answer, fromPod, fromUplink, type Step } from './model_arbitrary.ts'
import { topologyOf } from './model_topology.ts'
import { type Bed, bed, type Ran, type Topology, uplinkMac, VERDICT } from './packets/bed.ts'
import { ethernet, headerSum, summed } from './packets/bytes.ts'
import { mac, own } from './packets/topology.ts'

/** Another one to look further: what a failure prints is enough to see it again. */
const SEED = Number(process.env.PODLANE_SEED ?? 20_261_124)
const SECONDS = Number(process.env.PODLANE_SECONDS ?? 4)

type Command =
  | { readonly kind: 'packet'; readonly step: Step; readonly [fc.toStringMethod]: () => string }
  | { readonly kind: 'topology'; readonly topology: Topology }
  | { readonly kind: 'moved'; readonly n: number }

const commandsFor = (b: Bed): fc.Arbitrary<Command[]> => {
  const packet = fc
    .oneof(fromPod(b), fromUplink, answer(b))
    .map((step): Command => ({ kind: 'packet', step, [fc.toStringMethod]: () => 'packet' }))
  const topology = topologyOf(b).map((t): Command => ({ kind: 'topology', topology: t }))
  const moved = fc.nat(3).map((n): Command => ({ kind: 'moved', n }))
  const any = fc.oneof(
    { weight: 30, arbitrary: packet },
    { weight: 1, arbitrary: topology },
    { weight: 1, arbitrary: moved },
  )
  return fc
    .tuple(topology, fc.array(any, { minLength: 5, maxLength: 60, size: 'max' }))
    .map(([first, rest]) => [first, ...rest])
}

/** Every packet, and what the program and the model made of it. */
function walk(b: Bed, asks: boolean, commands: readonly Command[]): string[] {
  const seen: string[] = []
  let flows = new Flows()
  const moved = new Set<Ip>()
  const history: Buffer[] = []
  let topology: Topology | undefined
  b.forget()
  for (const command of commands) {
    if (command.kind === 'topology') {
      topology = command.topology
      moved.clear()
      b.lay(topology)
      flows.doubt()
      // What was seen of a flow before it is decided again is beyond this model.
      if (!asks) b.forget()
      if (!asks) flows = new Flows()
    } else if (command.kind === 'moved') hear(b, topology, moved, command.n)
    else if (topology) seen.push(compare(b, { topology, moved, asks }, flows, command.step, history))
  }
  return seen
}

function hear(b: Bed, topology: Topology | undefined, moved: Set<Ip>, n: number): void {
  const hop = topology?.paths[n]?.hop
  if (!hop || hop.ip.includes(':')) return
  const elsewhere = mac('02:00:00:00:00:77')
  const body = arp('reply', { mac: elsewhere, ip: hop.ip }, { mac: uplinkMac, ip: own[4] })
  b.run('uplink_ingress', b.uplink, ethernet({ to: uplinkMac, from: elsewhere }, 0x0806, Buffer.from(body)))
  moved.add(hop.ip)
}

function compare(b: Bed, world: World, flows: Flows, step: Step, history: Buffer[]): string {
  const arrival = step(history, world.topology)
  const name = arrival.pod === undefined ? 'uplink_ingress' : 'pod_egress'
  const skb = arrival.gsoSize > 0 ? { gsoSize: arrival.gsoSize, gsoSegs: 2 } : {}
  const wanted = decide(world, flows, arrival)
  const ran = b.run(name, arrival.pod ?? b.uplink, arrival.frame, skb)
  const what = `${name} ${arrival.pod ?? ''} gso ${arrival.gsoSize} ${hex(arrival.frame)}`
  assert.equal(spoken(ran, arrival, wanted), expected(ran, arrival, wanted), what)
  if (history.length < 12 && arrival.packet.length > 40) history.push(arrival.packet)
  return `${name} ${ran.verdict === VERDICT.redirect ? 'redirect' : ran.reasons.join()}`
}

/** Data is all fives. */
const hex = (frame: Buffer): string =>
  frame.toString('hex').replaceAll(/(?:05){8,}/g, (run) => `(${run.length / 2} times 05)`)
const told = (ran: Ran): string => `${ran.verdict} ${ran.reasons.join()}`

function spoken(ran: Ran, arrival: Arrival, wanted: Outcome): string {
  if (ran.verdict !== VERDICT.redirect || wanted.to !== 'redirect') return `${told(ran)} ${hex(ran.packet)}`
  return `${told(ran)} ${hex(rightSum(ran.packet, arrival))}`
}

function expected(ran: Ran, arrival: Arrival, wanted: Outcome): string {
  if (wanted.to === 'stack' || (wanted.unless !== undefined && ran.reasons[0] === wanted.unless)) {
    const reasons = wanted.to === 'redirect' ? [wanted.unless] : wanted.reasons
    const one = reasons === 'any' ? ran.reasons.join() : reasons.find((r) => r === ran.reasons[0])
    return `${VERDICT.stack} ${one ?? reasons} ${hex(arrival.frame)}`
  }
  const six = ran.packet.length > 13 && ran.packet.readUInt16BE(12) === 0x86dd
  const port = ran.packet.length > 56 ? ran.packet.readUInt16BE(six ? 54 : 34) : 0
  const id = ran.packet.length > 19 ? ran.packet.readUInt16BE(18) : 0
  return `${VERDICT.redirect}  ${hex(rightSum(wanted.packet(port, id), arrival))}`
}

/** A wrong sum stays wrong, but how is of no interest; and 0 and 0xffff are the same sum. */
function rightSum(frame: Buffer, arrival: Arrival): Buffer {
  const out = Buffer.from(frame)
  for (const at of [14, 64, 84]) {
    if (out[at] !== 0x45 || out.length < at + 20) continue
    const header = out.subarray(at)
    const came = arrival.frame.subarray(arrival.frame.length - header.length)
    const wasRight = came[0] !== 0x45 || headerSum(came) === 0xffff
    if (wasRight && frame === out) assert.equal(headerSum(header), 0xffff)
    out.set(summed(header), at)
  }
  return out
}

for (const asks of [true, false])
  test(`the programs decide as the model does${asks ? '' : ', where the kernel cannot be asked'}`, () => {
    const node = asks ? knowing : unknowing
    const counted = new Map<string, number>()
    const property = fc.property(commandsFor(node), (commands) => {
      for (const line of walk(node, asks, commands)) counted.set(line, (counted.get(line) ?? 0) + 1)
    })
    const limit = { interruptAfterTimeLimit: SECONDS * 1000, markInterruptAsFailure: false }
    fc.assert(property, { seed: SEED, numRuns: 100_000, ...limit })
    for (const line of ['pod_egress redirect', 'uplink_ingress redirect'])
      assert.ok(
        (counted.get(line) ?? 0) > 0,
        `${line}: ${counted.get(line)} in ${JSON.stringify([...counted])}`,
      )
    if (process.env.PODLANE_SECONDS) console.log([...counted].sort())
  })

const knowing = bed({ constants: { have_conntrack: 1 } })
const unknowing = bed({ constants: { have_conntrack: 0 } })
