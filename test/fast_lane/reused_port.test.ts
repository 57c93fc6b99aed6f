import assert from 'node:assert/strict'
import { systemClock } from '../../src/base/clock.ts'
import type { Family, Ip } from '../../src/base/ip.ts'
import { addressOf, ip } from '../guard/cluster.ts'
import { families, fastCluster } from './cluster.ts'
import { echo } from './echo.ts'
import { kubeProxy, proxyModes } from './kube_proxy.ts'
import { type Lane, onEveryLane } from './lanes.ts'
import type { Service } from './service.ts'
import { type Protocol, protocols, type Question, Talk } from './talk.ts'

const clusterIp = (family: Family): Ip => ip(family === 4 ? '10.96.0.10' : 'fd96::10')

/**
 * The limit that docs/design/fast-lane.md names. Connection tracking never sees a flow of the fast lane, so it does not
 * keep its ports free for a translated one to the same pod: a UDP port that is reused within a second gets an answer that
 * nobody has translated back, and TCP's first SYN-ACK takes the old flow's way, so that the SYN is sent again after a
 * second, while the old connection closes; two such connections at once collide, so that the next use waits for that too.
 * The plain lane has no such limit.
 */
const limits = {
  plain: { restMs: 0, connectMs: 1000 },
  fast: { restMs: 1200, connectMs: 3000 },
} as const satisfies Record<Lane, object>

async function asked(question: Question, count: number): Promise<Ip[]> {
  const seen = new Set<Ip>()
  using talk = await Talk.open(question)
  for (let n = 0; n < count; n++) seen.add(await talk.ask(`q${n}`))
  return [...seen]
}

for (const mode of proxyModes)
  onEveryLane(
    `a client’s port that spoke to a pod directly speaks next to a Service (${mode}) of that pod, and again`,
    async (t, setting) => {
      const { nodes } = await fastCluster(t, setting)
      const [one, two] = nodes
      const lane: Lane = setting.lane
      const { restMs, connectMs } = limits[lane]
      const client = await one.pod('client')
      const backends = [await one.pod('beside'), await two.pod('far')]
      let fromPort = 41_000
      for (const backend of backends) {
        for (const address of backend.addresses) await echo(t, { ns: backend.ns, ip: address, port: 8080 })
        const services = families.flatMap((v) =>
          protocols.map(
            (protocol): Service => ({
              name: 'svc',
              protocol,
              clusterIp: clusterIp(v),
              port: 80,
              targetPort: 8080,
              endpoints: [addressOf(backend, v)],
            }),
          ),
        )
        for (const node of nodes)
          kubeProxy(
            mode,
            { ...node, isLocal: (e) => node === one && backend.addresses.includes(e) },
            services,
          )
        const speak = async (v: Family, protocol: Protocol, from: number): Promise<void> => {
          const timeoutMs = protocol === 'tcp' ? connectMs : 1000
          const base = { from: client.ns, protocol, fromPort: from, timeoutMs }
          const direct = { ...base, to: addressOf(backend, v), port: 8080 }
          const service = { ...base, to: clusterIp(v), port: 80 }
          for (const [use, question] of [direct, service, direct, service].entries()) {
            if (use > (protocol === 'udp' ? 0 : 1)) await systemClock.sleep(restMs)
            assert.deepEqual(await asked(question, 10), [addressOf(client, v)], `${protocol}, IPv${v}`)
          }
        }
        await Promise.all(families.flatMap((v) => protocols.map((p) => speak(v, p, fromPort++))))
      }
    },
  )
