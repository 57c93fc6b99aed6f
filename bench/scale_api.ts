// The lab's API server in a process of its own, over TLS, with as many Nodes as the argument says; its parent adds and
// removes one by a message.

import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { systemClock } from '../src/base/clock.ts'
import { silentLog } from '../src/base/log.ts'
import { must } from '../src/base/result.ts'
import { createControlPlane } from '../src/lab/apiserver/control_plane.ts'
import { nodes } from '../src/lab/apiserver/kinds/node.ts'
import { kubeconfigText, makeServerCertificate } from '../src/lab/certificates.ts'
import { ip } from './lib/node_namespace.ts'
import { API_PORT, nodeName, selfNode, simulatedNode, TOKEN } from './scale_cluster.ts'

export type Asked = { readonly askedAtMs: number }
export type Order = { readonly verb: 'create' | 'remove'; readonly node: number }

const REQUEST = 'http.server.request.start'
const host = '127.0.0.1'
const certificate = await makeServerCertificate({ names: ['bench'], addresses: [ip(host)] })
const plane = must(
  createControlPlane({
    ...{ clock: systemClock, log: silentLog, tokens: [TOKEN], tls: certificate, scheduler: false },
    ...{ clusterRanges: [], serviceRanges: [] },
  }),
)
const done = (outcome: { readonly ok: boolean }): void => {
  if (!outcome.ok) throw new Error(JSON.stringify(outcome))
}
done(plane.store.create(nodes, selfNode('10.63.0.0/24')))
for (let i = 0; i < Number(process.argv[2]); i++) done(plane.store.create(nodes, simulatedNode(i)))
await plane.server.listen({ host, port: API_PORT })
process.on('message', ({ verb, node }: Order) =>
  done(
    verb === 'create'
      ? plane.store.create(nodes, simulatedNode(node))
      : plane.store.remove(nodes, '', nodeName(node)),
  ),
)
// The agent's source has started when it first asks.
const start = (): void => {
  unsubscribe(REQUEST, start)
  process.send?.({ askedAtMs: Date.now() } satisfies Asked)
}
subscribe(REQUEST, start)
const server = `https://${host}:${API_PORT}`
process.send?.(kubeconfigText({ server, token: TOKEN, ca: certificate.ca, name: 'bench' }))
