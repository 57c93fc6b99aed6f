// The lab's API server on a node's underlay: comes, goes and comes again at one address, as a real one does.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { stringify } from 'yaml'
import { systemClock } from '../../src/base/clock.ts'
import { parseIp } from '../../src/base/ip.ts'
import { silentLog } from '../../src/base/log.ts'
import { must } from '../../src/base/result.ts'
import { type ControlPlane, createControlPlane } from '../../src/lab/apiserver/control_plane.ts'
import { nodes } from '../../src/lab/apiserver/kinds/node.ts'
import { pods } from '../../src/lab/apiserver/kinds/pod.ts'
import { listeningSocket } from '../../src/lab/sockets.ts'
import type { TestNamespace } from '../namespaces.ts'
import type { NodeFact } from './node_bench.ts'

const PORT = 6443
const TOKEN = 'sesame'

export class TestApi {
  readonly #ns: TestNamespace
  readonly #address: string
  #plane: ControlPlane | undefined
  #revision = 1

  constructor(t: TestContext, ns: TestNamespace, address: string) {
    this.#ns = ns
    this.#address = address
    t.after(() => this.#plane?.close())
  }

  get plane(): ControlPlane {
    if (!this.#plane) throw new Error('the API server does not run')
    return this.#plane
  }

  /** Serves; whatever it had before is forgotten. */
  async start(facts: readonly NodeFact[]): Promise<void> {
    this.#plane = must(
      createControlPlane({
        clock: systemClock,
        log: silentLog,
        tokens: [TOKEN],
        clusterRanges: [],
        serviceRanges: [],
        scheduler: false,
        firstRevision: this.#revision,
      }),
    )
    this.#revision += 1000
    for (const fact of facts) this.addNode(fact)
    const fd = this.#ns.inside(() => listeningSocket(must(parseIp(this.#address)), PORT))
    await this.#plane.server.listen({ fd })
  }

  async stop(): Promise<void> {
    await this.#plane?.close()
    this.#plane = undefined
  }

  addNode({ name, addresses, podCIDRs }: NodeFact): void {
    const { api } = this.plane
    const status = { addresses: addresses.map((address) => ({ type: 'InternalIP', address })) }
    done(api.create(nodes, '', { metadata: { name }, spec: { podCIDR: podCIDRs[0], podCIDRs } }))
    done(api.update(nodes, '', name, (node) => ({ ok: true, value: { ...node, status } }), { status: true }))
  }

  removeNode(name: string): void {
    done(this.plane.api.remove(nodes, '', name))
  }

  addPod(name: string, nodeName: string, ips: readonly string[]): void {
    const { api } = this.plane
    const status = { phase: 'Running', podIP: ips[0], podIPs: ips.map((ip) => ({ ip })) }
    const spec = { nodeName, containers: [{ name: 'c', image: 'x' }] }
    done(api.create(pods, 'default', { metadata: { name, namespace: 'default' }, spec }))
    done(
      api.update(pods, 'default', name, (pod) => ({ ok: true, value: { ...pod, status } }), { status: true }),
    )
  }

  removePod(name: string): void {
    done(this.plane.api.remove(pods, 'default', name, { gracePeriodSeconds: 0 }))
  }

  /** Written into the folder; the file's path. */
  kubeconfig(folder: string): string {
    const file = join(folder, 'kubeconfig')
    const entry = { name: 'lab' }
    writeFileSync(
      file,
      stringify({
        'current-context': 'lab',
        clusters: [{ ...entry, cluster: { server: `http://${this.#address}:${PORT}` } }],
        contexts: [{ ...entry, context: { cluster: 'lab', user: 'lab' } }],
        users: [{ ...entry, user: { token: TOKEN } }],
      }),
    )
    return file
  }
}

function done(outcome: { readonly ok: boolean }): void {
  if (!outcome.ok) throw new Error(JSON.stringify(outcome))
}
