import assert from 'node:assert/strict'
import { type Family, familyOf, type Ip } from '../../src/base/ip.ts'
import { addressOf, ip } from '../guard/cluster.ts'
import type { TestNamespace } from '../namespaces.ts'
import { beyond, type FastCluster, families, fastCluster, type Pod } from './cluster.ts'
import { echo } from './echo.ts'
import { kubeProxy, type ProxyMode, proxyModes } from './kube_proxy.ts'
import { onEveryLane, type Path } from './lanes.ts'
import type { Service } from './service.ts'
import { converse, protocols } from './talk.ts'

const NODE_PORT = { masqueraded: 30080, local: 30081 } as const
const HOST_PORT = 8088
const clusterIp = (family: Family, n: number): Ip => ip(family === 4 ? `10.96.0.${n}` : `fd96::${n}`)

/** Of each family and protocol: one with its endpoint on node 1, the same with policy Local, one with all on node 2. */
const servicesOf = (near: Pod, far: Pod): Service[] =>
  families.flatMap((v) =>
    protocols.flatMap((protocol) => {
      const base = { protocol, port: 80, targetPort: 8080 }
      const [here, there] = [[addressOf(near, v)], [addressOf(far, v)]]
      return [
        {
          ...base,
          name: 'near',
          clusterIp: clusterIp(v, 10),
          endpoints: here,
          nodePort: NODE_PORT.masqueraded,
        },
        {
          ...base,
          name: 'kept',
          clusterIp: clusterIp(v, 11),
          endpoints: here,
          nodePort: NODE_PORT.local,
          local: true,
        },
        { ...base, name: 'far', clusterIp: clusterIp(v, 12), endpoints: there },
        { ...base, name: 'both', clusterIp: clusterIp(v, 13), endpoints: [...here, ...there] },
      ]
    }),
  )

/** Two pods a node that serve, and each node's kube-proxy. */
async function served(t: Parameters<typeof fastCluster>[0], cluster: FastCluster, mode: ProxyMode) {
  const [one, two] = cluster.nodes
  const portMappings = protocols.map((protocol) => ({ hostPort: HOST_PORT, containerPort: 8080, protocol }))
  const near = await one.pod('near', { portMappings })
  const [beside, far] = [await one.pod('beside'), await two.pod('far')]
  for (const pod of [near, far])
    for (const address of pod.addresses) await echo(t, { ns: pod.ns, ip: address, port: 8080 })
  for (const v of families) await echo(t, { ns: cluster.outside.ns, ip: beyond[v], port: 9000 })
  for (const node of cluster.nodes) {
    const local = node === one ? near.addresses : far.addresses
    kubeProxy(mode, { ...node, isLocal: (e) => local.includes(e) }, servicesOf(near, far))
  }
  return { near, beside, far }
}

type Case = {
  readonly what: string
  readonly from: TestNamespace
  readonly to: Ip
  readonly port: number
  /** As one of these, and nobody else, the server may see the client. */
  readonly seen: readonly Ip[]
}

function casesOf(
  { nodes: [one, two] }: FastCluster,
  { near, beside, far }: { near: Pod; beside: Pod; far: Pod },
  v: Family,
  path: Path,
): Case[] {
  const own = (pod: Pod): Ip[] => [addressOf(pod, v)]
  const nodeAddresses = (n: 1 | 2): Ip[] => [
    addressOf(n === 1 ? one : two, v),
    // The tunnel's, towards the pods of the other node.
    ip(v === 4 ? `10.244.${n}.1` : `fd00:${n}::1`),
  ]
  // To a node's address a pod goes as itself by the direct path, as its node otherwise.
  const atNode = path === 'direct' ? own(far) : [addressOf(two, v)]
  const node = addressOf(one, v)
  return [
    { what: 'ClusterIP, backend beside', from: beside.ns, to: clusterIp(v, 10), port: 80, seen: own(beside) },
    { what: 'ClusterIP, remote backend', from: beside.ns, to: clusterIp(v, 12), port: 80, seen: own(beside) },
    {
      what: 'ClusterIP, remote backend, from there',
      from: far.ns,
      to: clusterIp(v, 10),
      port: 80,
      seen: own(far),
    },
    { what: 'ClusterIP, two backends', from: beside.ns, to: clusterIp(v, 13), port: 80, seen: own(beside) },
    { what: 'ClusterIP, itself', from: near.ns, to: clusterIp(v, 10), port: 80, seen: nodeAddresses(1) },
    { what: 'ClusterIP, itself far', from: far.ns, to: clusterIp(v, 12), port: 80, seen: nodeAddresses(2) },
    {
      what: 'ClusterIP, from its node',
      from: one.ns,
      to: clusterIp(v, 12),
      port: 80,
      seen: nodeAddresses(1),
    },
    { what: 'NodePort, policy Local', from: far.ns, to: node, port: NODE_PORT.local, seen: atNode },
    {
      what: 'NodePort, policy Cluster',
      from: far.ns,
      to: node,
      port: NODE_PORT.masqueraded,
      seen: nodeAddresses(1),
    },
    { what: 'hostPort', from: far.ns, to: node, port: HOST_PORT, seen: atNode },
    { what: 'pod itself', from: far.ns, to: addressOf(near, v), port: 8080, seen: own(far) },
    { what: 'outside, not masqueraded', from: far.ns, to: beyond[v], port: 9000, seen: own(far) },
  ]
}

for (const mode of proxyModes)
  onEveryLane(
    `services by kube-proxy’s ${mode} rules answer from the address that was asked`,
    async (t, setting) => {
      const cluster = await fastCluster(t, setting)
      const pods = await served(t, cluster, mode)
      for (const v of families)
        for (const protocol of protocols)
          for (const { what, seen, ...question } of casesOf(cluster, pods, v, setting.path)) {
            const title = `${what}, ${protocol}, IPv${familyOf(question.to)}`
            const got = await converse({ ...question, protocol }).catch((why: Error) =>
              assert.fail(`${title}: ${why.message}`),
            )
            for (const address of got)
              assert.ok(seen.includes(address), `${title}: seen as ${got}, not ${seen}`)
          }
    },
  )
