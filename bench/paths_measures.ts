// What is measured on every path, and where its two ends run.

import { cpus } from 'node:os'
import { measureIperf, type Streams } from './lib/iperf.ts'
import { type Ends, type Kind, measureTraffic, type Sample } from './lib/traffic.ts'

export type Measure = {
  readonly name: string
  readonly title: string
  /** TCP streams of iperf3, or one of what our own generator does. */
  readonly kind: Kind | Streams
  /** The client's core and the server's. */
  readonly cpus: readonly [number, number]
  /** Without: every segment crosses the wire by itself, as on a NIC that can do nothing. */
  readonly segmentationOffload: boolean
  readonly unit: string
  /** What one counted thing is in that unit. */
  readonly perCount: number
  /** Only when asked for by name. */
  readonly extra?: boolean
}

const LAST = cpus().length - 1
/** Ends that wait for each other take turns on one core: none that is idle has to be woken. */
const SAME = [LAST, LAST] as const
/** Packets that nobody waits for: the sender's core does the way, and the receiver is not in its way. */
const BOTH = [LAST, 0] as const
const GBIT_PER_BYTE = 8e-9

const stream = { kind: { streams: 1 }, cpus: SAME, unit: 'Gbit/s', perCount: GBIT_PER_BYTE } as const
const whole = { segmentationOffload: true } as const

const all: readonly Measure[] = [
  { name: 'stream', title: 'TCP, 1 stream', ...stream, ...whole },
  { name: 'stream-notso', title: 'the same without TSO', ...stream, segmentationOffload: false },
  { name: 'stream4', title: 'TCP, 4 streams', ...stream, ...whole, kind: { streams: 4 } },
  {
    name: 'stream-sendfile',
    title: 'TCP by sendfile',
    ...{ ...stream, ...whole, kind: { streams: 1, sendfile: true }, extra: true },
  },
  { name: 'stream-lean', title: 'TCP, the leanest ends', ...stream, ...whole, kind: 'stream' },
  { name: 'rr', title: 'request/response', ...whole, kind: 'rr', cpus: SAME, unit: '/s', perCount: 1 },
  {
    name: 'rr-two-cores',
    title: 'request/response, two cores',
    ...{ ...whole, kind: 'rr', cpus: BOTH, unit: '/s', perCount: 1, extra: true },
  },
  {
    name: 'crr',
    title: 'connect/request/response',
    ...whole,
    kind: 'crr',
    cpus: SAME,
    unit: '/s',
    perCount: 1,
  },
  { name: 'udp', title: 'UDP, 64 bytes', ...whole, kind: 'udp', cpus: BOTH, unit: 'packets/s', perCount: 1 },
  {
    name: 'udp-one-core',
    title: 'UDP on one core',
    ...whole,
    kind: 'udp',
    cpus: SAME,
    unit: 'packets/s',
    perCount: 1,
  },
]

/** @param names all but the extra ones if undefined */
export function measuresNamed(names: readonly string[] | undefined): readonly Measure[] {
  const unknown = names?.filter((name) => !all.some((m) => m.name === name)) ?? []
  if (unknown.length > 0) throw new Error(`no measure ${unknown}: there are ${all.map((m) => m.name)}`)
  return all.filter(({ name, extra }) => (names ? names.includes(name) : !extra))
}

export const isStream = ({ kind }: Measure): boolean => kind === 'stream' || typeof kind !== 'string'

/** One run of so many milliseconds. */
export function sampleOf({ name, kind, cpus: cores }: Measure, ends: Ends, ms: number): Sample {
  if (typeof kind !== 'string') return measureIperf(name, ends, ms, { ...kind, cpus: cores })
  return measureTraffic(kind, ends, ms, cores)
}

const BYTES_PER_GB = 1e9

/** What the cores in use were busy with beyond what they are busy with anyway. */
export function busyUs(measure: Measure, sample: Sample, idleShare: number): number {
  const cores = measure.cpus[0] === measure.cpus[1] ? 1 : 2
  if (sample.busyUs === undefined) return Number.NaN
  return Math.max(0, sample.busyUs - idleShare * sample.seconds * 1e6 * cores)
}

/** Microseconds for each transaction or packet; for a stream, milliseconds for each GB. */
export const cpuCost = (measure: Measure, { count }: Sample, us: number): number =>
  isStream(measure) ? (us / 1000 / count) * BYTES_PER_GB : us / count
