// `make bench-cni`: how long a pod's ADD and DEL take, Podlane beside Debian's plugins, in one run and in turns.
// Options: --pods (200), --rounds (10), --cycles (2), --burst (100).

import { makeCandidates } from './cni_candidates.ts'
import { type Figure, printTable, publish } from './lib/figures.ts'
import { type Call, callPlugin, type Plugin, type Pod, tookMs } from './lib/launcher.ts'
import { makeNamespace } from './lib/node_namespace.ts'
import { enterSandbox, option } from './lib/sandbox.ts'
import { pooled, quantile, ratioSpread, type Spread } from './lib/statistics.ts'

/** One array of times in ms per round. */
type Samples = {
  readonly add: number[][]
  readonly del: number[][]
  readonly gone: number[][]
  readonly burst: number[][]
}
type Candidate = { readonly plugin: Plugin; readonly pods: readonly Pod[]; readonly samples: Samples }

/** Bursts in each cycle. */
const BURSTS = 3

enterSandbox()
const size = {
  pods: option('pods', 200),
  rounds: option('rounds', 10),
  cycles: option('cycles', 2),
  burst: option('burst', 100),
}

const candidates: Candidate[] = []
for (const [c, plugin] of (await makeCandidates()).entries()) {
  const pods = Array.from({ length: size.pods }, (_, i): Pod => {
    const containerId = `${c}`.repeat(8) + String(i).padStart(56, '0')
    return { containerId, netns: makeNamespace(`pod-${c}-${i}`) }
  })
  candidates.push({ plugin, pods, samples: { add: [], del: [], gone: [], burst: [] } })
}
for (let cycle = 0; cycle < size.cycles; cycle++) {
  inTurns(size.rounds, oneRound('ADD'))
  inTurns(size.rounds, oneRound('DEL'))
  inTurns(BURSTS, burst)
  console.error(`cycle ${cycle + 1} of ${size.cycles} done`)
}
show()
process.exit(0)

/** Each round begins with another candidate. */
function inTurns(rounds: number, work: (candidate: Candidate, round: number) => void): void {
  for (let round = 0; round < rounds; round++)
    for (let i = 0; i < candidates.length; i++) {
      const candidate = candidates[(round + i) % candidates.length]
      if (candidate) work(candidate, round)
    }
}

/** A share of the pods, one after another; the pods of earlier rounds stand. */
function oneRound(command: 'ADD' | 'DEL') {
  return ({ plugin, pods, samples }: Candidate, round: number): void => {
    const share = pods.slice(
      Math.floor((pods.length * round) / size.rounds),
      Math.floor((pods.length * (round + 1)) / size.rounds),
    )
    const calls = callPlugin(plugin, command, share)
    if (command === 'ADD') samples.add.push(calls.map(tookMs))
    else {
      samples.del.push(calls.map(tookMs))
      samples.gone.push(calls.map((c) => (c.goneMs ?? c.endMs) - c.startMs))
    }
  }
}

/** Many ADDs at once: when each was done, counted from when the first began. Then they are all deleted. */
function burst({ plugin, pods, samples }: Candidate): void {
  const share = pods.slice(0, size.burst)
  const calls = callPlugin(plugin, 'ADD', share, size.burst)
  const beganMs = Math.min(...calls.map((c: Call) => c.startMs))
  samples.burst.push(calls.map((c) => c.endMs - beganMs))
  callPlugin(plugin, 'DEL', share, size.burst)
}

function show(): void {
  const text = (rounds: readonly (readonly number[])[], q: number): string =>
    quantile(rounds.flat(), q).toFixed(2)
  printTable(
    ['plugin, ms', 'ADD p50', 'p99', '100 ADDs p99', 'DEL p50', 'p99', 'gone p50'],
    candidates.map(({ plugin, samples: s }) => [
      plugin.name,
      ...[text(s.add, 0.5), text(s.add, 0.99), text(s.burst, 0.99), text(s.del, 0.5), text(s.del, 0.99)],
      text(s.gone, 0.5),
    ]),
  )
  const [own, bridge] = candidates.map((c) => c.samples)
  if (!own || !bridge) throw new Error('no candidates')
  const ms = (name: string, spread: Spread, atMost?: number): Figure => ({
    ...{ name, unit: 'ms', ...spread },
    ...(atMost === undefined ? {} : { goal: { atMost } }),
  })
  const ratio = (name: string, spread: Spread, atLeast?: number): Figure => ({
    ...{ name, unit: 'times', ...spread },
    ...(atLeast === undefined ? {} : { goal: { atLeast } }),
  })
  publish('cni', [
    ms('add.p50.ms', pooled(own.add, 0.5), 5),
    ms('add.p99.ms', pooled(own.add, 0.99), 20),
    ms('add100.p99.ms', pooled(own.burst, 0.99), 400),
    ms('del.p50.ms', pooled(own.del, 0.5), 5),
    ms('del.gone.p50.ms', pooled(own.gone, 0.5)),
    ratio('add.vs-bridge', ratioSpread(bridge.add, own.add), 3),
    ratio('del.vs-bridge', ratioSpread(bridge.del, own.del), 5),
    ...candidates.slice(2).flatMap(({ plugin, samples }) => {
      const name = plugin.name.replace(' + ipMasq', '-masquerade')
      return [
        ratio(`add.vs-${name}`, ratioSpread(samples.add, own.add)),
        ratio(`del.vs-${name}`, ratioSpread(samples.del, own.del)),
      ]
    }),
    ms('bridge.add.p50.ms', pooled(bridge.add, 0.5)),
    ms('bridge.del.p50.ms', pooled(bridge.del, 0.5)),
  ])
}
