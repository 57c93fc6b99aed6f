// Two pods of the lab between which a load is offered, and what their nodes' agents say of them.

import { fault, ok, type Result } from '../../base/result.ts'
import { isFault, labStatus, type NodeView } from '../status.ts'

export type Ends = {
  /** Paths that open the pods' network namespaces from the host. */
  readonly client: string
  readonly server: string
  /** Of the server's pod. */
  readonly address: string
  readonly from: { readonly node: string; readonly hostInterface: string }
  readonly to: { readonly node: string }
  /** direct or vxlan. */
  readonly path: string
}

type Found = {
  readonly node: string
  readonly netns: string
  readonly addresses: readonly string[]
  readonly view: NodeView
}

/** @param from and `to` are pods' names, on two nodes; the generator speaks IPv4 */
export async function findEnds(from: string, to: string): Promise<Result<Ends>> {
  const { nodes } = await labStatus()
  const [client, server] = [podNamed(from, nodes), podNamed(to, nodes)]
  if (!client.ok) return client
  if (!server.ok) return server
  const agent = client.value.view.agent
  if (isFault(agent)) return { ok: false, error: agent }
  const address = server.value.addresses.find((a) => !a.includes(':'))
  if (address === undefined) return wrong(`pod ${to}`, 'an IPv4 address', server.value.addresses.join(', '))
  const peer = agent.peers.find((p) => p.name === server.value.node)
  if (!peer) return wrong(`pods ${from} and ${to}`, 'pods of two nodes', `both on ${client.value.node}`)
  const pod = agent.pods.find((p) => p.name === from || `${p.namespace}/${p.name}` === from)
  return ok({
    ...{ client: client.value.netns, server: server.value.netns, address, path: peer.path },
    from: { node: client.value.node, hostInterface: pod?.hostInterface ?? '' },
    to: { node: server.value.node },
  })
}

function podNamed(name: string, nodes: readonly NodeView[]): Result<Found> {
  const all = nodes.flatMap((view) =>
    isFault(view.node) ? [] : view.node.pods.map((pod) => ({ ...pod, node: view.name, view })),
  )
  const found = all.find((pod) => pod.name === name || `${pod.namespace}/${pod.name}` === name)
  if (found) return ok(found)
  return wrong(`pod ${name}`, 'a pod of the lab', `there are ${all.map((p) => p.name).join(', ') || 'none'}`)
}

const wrong = (object: string, wanted: string, found: string): Result<never> =>
  fault('bad-option', object, wanted, found, 'see «podlane lab status»; name pods with --from and --to')
