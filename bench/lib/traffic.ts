// Runs of the traffic generator (bench/traffic/): what one way between two namespaces carries in so many milliseconds.

import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import * as v from 'valibot'
import { run } from './command.ts'

const program = fileURLToPath(new URL('../../dist/bench-traffic', import.meta.url))

export type Kind = 'stream' | 'rr' | 'crr' | 'udp' | 'spin' | 'rest'
export type Ends = {
  readonly client: string
  readonly server: string
  readonly serverIp: string
}

const sampleSchema = v.strictObject({
  seconds: v.number(),
  /** Bytes, transactions, packets or turns that arrived in that time. */
  count: v.number(),
  /** Sum over the cores in use; undefined where it was not looked at. */
  busyUs: v.optional(v.number()),
  /** Of the two ends' processes; the softirqs in which the path runs are in it as far as the kernel charges them so. */
  ownUs: v.number(),
  p50Us: v.number(),
  p99Us: v.number(),
})
export type Sample = v.InferOutput<typeof sampleSchema>

export const NOWHERE: Ends = {
  client: '/proc/self/ns/net',
  server: '/proc/self/ns/net',
  serverIp: '127.0.0.1',
}

/** @param cpus the client's core and the server's */
export function measureTraffic(kind: Kind, ends: Ends, ms: number, cpus: readonly [number, number]): Sample {
  const argv = [kind, ends.client, ends.server, ends.serverIp, ms, ...cpus].map(String)
  return v.parse(sampleSchema, JSON.parse(run(program, ...argv)))
}

/** While other work has its turn. */
export async function runTraffic(
  kind: Kind,
  ends: Ends,
  ms: number,
  cpus: readonly [number, number],
): Promise<Sample> {
  const argv = [kind, ends.client, ends.server, ends.serverIp, ms, ...cpus].map(String)
  const { stdout } = await promisify(execFile)(program, argv)
  return v.parse(sampleSchema, JSON.parse(stdout))
}

/** Per second on the wall. */
export const rateOf = ({ count, seconds }: Sample): number => count / seconds

/** Per second of the ends' own CPU time: what others do on the machine at the same time is hardly in it. */
export const ownRateOf = ({ count, ownUs }: Sample): number => count / (ownUs / 1e6)
