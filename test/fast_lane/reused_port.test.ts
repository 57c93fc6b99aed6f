import assert from 'node:assert/strict'
import type { Family, Ip } from '../../src/base/ip.ts'
import { addressOf, ip } from '../guard/cluster.ts'
import { families, fastCluster } from './cluster.ts'
import { echo } from './echo.ts'
import { kubeProxy, proxyModes } from './kube_proxy.ts'
import { onEveryLane } from './lanes.ts'
import type { Service } from './service.ts'
import { protocols, type Question, Talk } from './talk.ts'

const clusterIp = (family: Family): Ip => ip(family === 4 ? '10.96.0.10' : 'fd96::10')

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
        for (const v of families)
          for (const protocol of protocols) {
            fromPort++
            const base = { from: client.ns, protocol, fromPort }
            const direct = { ...base, to: addressOf(backend, v), port: 8080 }
            const service = { ...base, to: clusterIp(v), port: 80 }
            for (const question of [direct, service, direct, service])
              assert.deepEqual(await asked(question, 10), [addressOf(client, v)], `${protocol}, IPv${v}`)
          }
      }
    },
  )
