// The lab's API server as a process of its own: for kubectl on the host's loopback, for the nodes on the hub's
// addresses. It writes the kubeconfig files when it listens; whoever started it waits for them.

import { closeSync, readFileSync } from 'node:fs'
import * as v from 'valibot'
import { systemClock } from '../base/clock.ts'
import { must } from '../base/result.ts'
import { openNetns, withNetns } from '../kernel/netns.ts'
import { cidrValue, ipValue } from '../schema/values.ts'
import { createControlPlane } from './apiserver/control_plane.ts'
import { kubeconfigText } from './certificates.ts'
import { lineLog } from './line_log.ts'
import { controlPlaneFile, kubeconfigFile, netnsFile, nodeKubeconfigFile } from './paths.ts'
import { writeWhole } from './record.ts'
import { listeningSocket } from './sockets.ts'
import { API_PORT } from './topology.ts'
import { HUB } from './underlay.ts'

const optionsSchema = v.object({
  token: v.string(),
  ca: v.string(),
  key: v.string(),
  cert: v.string(),
  clusterRanges: v.array(v.object({ cidr: cidrValue, nodeLength: v.number() })),
  serviceRanges: v.array(cidrValue),
  /** The hub's, by which nodes reach it. */
  addresses: v.pipe(v.array(ipValue), v.minLength(1)),
})
/** What stands in the file that the process reads. */
export type ControlPlaneFacts = v.InferInput<typeof optionsSchema>

/** Serves until the process is ended. */
export async function runControlPlane(): Promise<void> {
  const facts = v.parse(
    v.pipe(v.string(), v.parseJson(), optionsSchema),
    readFileSync(controlPlaneFile, 'utf8'),
  )
  const { token, ca, key, cert, addresses } = facts
  const plane = must(
    createControlPlane({
      clock: systemClock,
      log: lineLog((line) => process.stderr.write(line)),
      tokens: [token],
      tls: { key, cert },
      clusterRanges: facts.clusterRanges,
      serviceRanges: facts.serviceRanges,
    }),
  )
  for (const address of addresses) {
    const namespace = openNetns(netnsFile(HUB))
    const fd = withNetns(namespace, () => listeningSocket(address, API_PORT))
    closeSync(namespace)
    await plane.server.listen({ fd })
  }
  const port = await plane.server.listen({ host: '127.0.0.1', port: 0 })
  const [first] = addresses
  const config = (server: string): string => kubeconfigText({ server, token, ca, name: 'podlane-lab' })
  writeWhole(nodeKubeconfigFile, config(`https://${first?.includes(':') ? `[${first}]` : first}:${API_PORT}`))
  writeWhole(kubeconfigFile, config(`https://127.0.0.1:${port}`))
}
