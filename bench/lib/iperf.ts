// TCP streams by iperf3, whose figures everybody knows. A server stands in each receiving namespace for the whole bench
// and ends with the sandbox; a run is as many bytes as the last one says that its time will carry, because iperf3
// counts time in whole seconds.

import { spawn, spawnSync } from 'node:child_process'
import * as v from 'valibot'
import type { Ends, Sample } from './traffic.ts'

/** Not iperf3's own, which is bench-traffic's too. */
const PORT = 5301
const FIRST_BYTES = 32 << 20
/** The server needs a moment to listen, and one more after each run. */
const ATTEMPTS = 100
const PAUSE_MS = 10

const schema = v.object({
  end: v.object({
    sum_received: v.object({ seconds: v.number(), bytes: v.number() }),
    cpu_utilization_percent: v.object({ host_total: v.number(), remote_total: v.number() }),
  }),
})

const servers = new Set<string>()
/** Bytes per second of the last run. */
const lastRates = new Map<string, number>()

export type Streams = {
  readonly streams: number
  /** By sendfile(2), as a web server sends files. */
  readonly sendfile?: boolean
}
export type IperfRun = Streams & { readonly cpus: readonly [number, number] }

/** @param name of what is measured: runs of one name are about equally fast */
export function measureIperf(name: string, ends: Ends, ms: number, run: IperfRun): Sample {
  serve(ends.server)
  const key = `${name} ${ends.server}`
  if (!lastRates.has(key)) lastRates.set(key, rate(oneRun(ends, run, FIRST_BYTES)))
  const sample = oneRun(ends, run, Math.round(((lastRates.get(key) ?? 0) * ms) / 1000))
  lastRates.set(key, rate(sample))
  return sample
}

const rate = ({ count, seconds }: Sample): number => count / seconds

function serve(netns: string): void {
  if (servers.has(netns)) return
  servers.add(netns)
  spawn('nsenter', [`--net=${netns}`, 'iperf3', '-s', '-p', String(PORT)], { stdio: 'ignore' }).unref()
}

function oneRun(ends: Ends, { streams, sendfile, cpus }: IperfRun, bytes: number): Sample {
  const argv = ['-c', ends.serverIp, '-p', PORT, '-C', 'cubic', '-A', cpus.join(','), '-P', streams]
  const { sum_received: received, cpu_utilization_percent: cpu } = client(ends.client, [
    ...argv,
    ...(sendfile ? ['-Z'] : []),
    '-n',
    bytes,
  ])
  return {
    seconds: received.seconds,
    count: received.bytes,
    busyUs: undefined,
    ownUs: ((cpu.host_total + cpu.remote_total) / 100) * received.seconds * 1e6,
    p50Us: 0,
    p99Us: 0,
  }
}

function client(netns: string, argv: readonly (string | number)[]): v.InferOutput<typeof schema>['end'] {
  let said = ''
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const done = spawnSync('nsenter', [`--net=${netns}`, 'iperf3', ...argv.map(String), '-J'], {
      encoding: 'utf8',
    })
    if (done.error) throw done.error
    if (done.status === 0) return v.parse(schema, JSON.parse(done.stdout)).end
    said = done.stdout + done.stderr
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS)
  }
  throw new Error(`iperf3 ${argv.join(' ')}: ${said}`)
}
