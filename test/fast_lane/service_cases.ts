// A cluster whose pods serve behind Services, and who asks whom there by which address, and is seen as whom.

import type { TestContext } from 'node:test'
import type { Family, Ip } from '../../src/base/ip.ts'
import { addressOf, ip } from '../guard/cluster.ts'
import type { TestNamespace } from '../namespaces.ts'
import { beyond, type FastCluster, families, type Pod } from './cluster.ts'
import { echo } from './echo.ts'
import { kubeProxy, type ProxyMode } from './kube_proxy.ts'
import type { Path } from './lanes.ts'
import type { Service } from './service.ts'
import { protocols } from './talk.ts'

const NODE_PORT = { masqueraded: 30080, local: 30081, back: 30082 } as const
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
        { ...base, name: 'far', clusterIp: clusterIp(v, 12), endpoints: there, nodePort: NODE_PORT.back },
        { ...base, name: 'both', clusterIp: clusterIp(v, 13), endpoints: [...here, ...there] },
      ]
    }),
  )

/** On each node a pod that serves and one that asks, and its kube-proxy. */
export async function servedCluster(t: TestContext, cluster: FastCluster, mode: ProxyMode): Promise<Served> {
  const [one, two] = cluster.nodes
  const portMappings = protocols.map((protocol) => ({ hostPort: HOST_PORT, containerPort: 8080, protocol }))
  const near = await one.pod('near', { portMappings })
  const [beside, far, there] = [await one.pod('beside'), await two.pod('far'), await two.pod('there')]
  for (const pod of [near, far])
    for (const address of pod.addresses) await echo(t, { ns: pod.ns, ip: address, port: 8080 })
  for (const v of families) await echo(t, { ns: cluster.outside.ns, ip: beyond[v], port: 9000 })
  for (const node of cluster.nodes) {
    const local = node === one ? near.addresses : far.addresses
    kubeProxy(mode, { ...node, isLocal: (e) => local.includes(e) }, servicesOf(near, far))
  }
  return { ...cluster, near, beside, far, there }
}

export type Served = FastCluster & {
  readonly near: Pod
  readonly beside: Pod
  readonly far: Pod
  readonly there: Pod
}
export type Case = {
  readonly what: string
  readonly from: TestNamespace
  readonly to: Ip
  readonly port: number
  /** As one of these, and nobody else, the server may see the client. */
  readonly seen: readonly Ip[]
}

const row = (
  what: string,
  { ns: from }: { readonly ns: TestNamespace },
  [to, port]: readonly [Ip, number],
  seen: readonly Ip[],
): Case => ({ what, from, to, port, seen })

export function serviceCases(served: Served, v: Family, path: Path): Case[] {
  const { nodes, outside, near, beside, far, there } = served
  const [one, two] = nodes
  const own = (host: { addresses: readonly Ip[] }): Ip[] => [addressOf(host, v)]
  /** The node's, and its tunnel's, which stands for it towards the pods of the other node. */
  const asNode = (n: 1 | 2): Ip[] => [
    addressOf(n === 1 ? one : two, v),
    ip(v === 4 ? `10.244.${n}.1` : `fd00:${n}::1`),
  ]
  // To the address of another node a pod goes as itself by the direct path, as its node otherwise.
  const toNode = path === 'direct' ? own(far) : own(two)
  const atNode = (port: number) => [addressOf(one, v), port] as const
  const service = (n: number) => [clusterIp(v, n), 80] as const
  return [
    row('ClusterIP, backend beside', beside, service(10), own(beside)),
    row('ClusterIP, remote backend', beside, service(12), own(beside)),
    row('ClusterIP, remote backend, from there', far, service(10), own(far)),
    row('ClusterIP, two backends', beside, service(13), own(beside)),
    row('ClusterIP, itself', near, service(10), asNode(1)),
    row('ClusterIP, itself, far', far, service(12), asNode(2)),
    row('ClusterIP, from its node', one, service(12), asNode(1)),
    row('NodePort, policy Local', far, atNode(NODE_PORT.local), toNode),
    row('NodePort, policy Local, from outside', outside, atNode(NODE_PORT.local), own(outside)),
    row('NodePort, policy Cluster', far, atNode(NODE_PORT.masqueraded), asNode(1)),
    row('NodePort, policy Cluster, from outside', outside, atNode(NODE_PORT.masqueraded), asNode(1)),
    row('NodePort, backend on the client’s node', there, atNode(NODE_PORT.back), asNode(1)),
    row('hostPort', far, atNode(HOST_PORT), toNode),
    row('hostPort, from beside', beside, atNode(HOST_PORT), own(beside)),
    row('hostPort, from outside', outside, atNode(HOST_PORT), own(outside)),
    row('pod itself', far, [addressOf(near, v), 8080], own(far)),
    row('outside, not masqueraded', far, [beyond[v], 9000], own(far)),
  ]
}
