// A node for tests: a network namespace with uplinks, the real agent in it, fed from a static file, and the real CNI
// program that wires pod namespaces by the CNI protocol.

import { chmodSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { stringify } from 'yaml'
import { must } from '../../src/base/result.ts'
import { type Ended, runProgram } from '../../src/cni/testing/program.ts'
import { createNetns, removeNetns } from '../../src/kernel/netns.ts'
import { askSocket } from '../../src/lab/socket_client.ts'
import { type AgentStatus, parseAgentStatus } from '../../src/schema/agent_status.ts'
import type { LaneWord } from '../../src/schema/lane_request.ts'
import { removeBpffs } from '../bpffs.ts'
import { type TestNamespace, testNamespace } from '../namespaces.ts'
import { type AgentProcess, startAgentProcess } from './agent_process.ts'
import { run } from './dump.ts'
import { until } from './until.ts'

export type NodeFact = {
  readonly name: string
  readonly addresses: readonly string[]
  readonly podCIDRs: readonly string[]
}
export type PodFact = {
  readonly name: string
  readonly uid?: string
  readonly addresses?: readonly string[]
  readonly annotations?: Readonly<Record<string, string>>
}
export type BenchOptions = {
  readonly name?: string
  readonly nodes: readonly NodeFact[]
  readonly pods?: readonly PodFact[]
  /** Over the bench's own settings. */
  readonly config?: object
}
export type CallOptions = {
  readonly ifName?: string
  readonly version?: string
  readonly args?: string
  /** Keys of the network config beside name and type: runtimeConfig, prevResult … */
  readonly config?: object
  readonly waitMs?: number
}

export class NodeBench {
  readonly ns: TestNamespace
  readonly folder: string
  readonly runFolder: string
  /** Of the agent, over the test's own. */
  env: NodeJS.ProcessEnv = {}
  #agent: AgentProcess | undefined
  readonly #doomed: string[] = []
  readonly #t: TestContext
  readonly #configFile: string
  readonly #nodesFile: string
  readonly #options: BenchOptions

  constructor(t: TestContext, options: BenchOptions) {
    this.#t = t
    this.#options = options
    this.ns = testNamespace(t)
    this.folder = mkdtempSync(join(tmpdir(), 'podlane-agent-'))
    this.runFolder = join(this.folder, 'run')
    this.#configFile = join(this.folder, 'config.yaml')
    this.#nodesFile = join(this.folder, 'nodes.yaml')
    run(this.ns, 'ip', 'link', 'set', 'lo', 'up')
    this.configure({})
    this.declare(options.nodes, options.pods)
    t.after(async () => {
      await this.#agent?.kill()
      for (const path of this.#doomed) removeNetns(path)
      removeBpffs(join(this.folder, 'bpf'))
      rmSync(this.folder, { recursive: true, force: true })
    })
  }

  /** Writes the config; counts from the next start on. */
  configure(more: object): void {
    const base = {
      nodeName: this.#options.name ?? 'a',
      input: { kind: 'static', file: this.#nodesFile },
      http: 'off',
      log: { level: 'debug' },
      ipam: { coolDownSeconds: 1 },
      vxlan: { lingerSeconds: 0 },
      directories: { run: this.runFolder, bpf: join(this.folder, 'bpf', 'podlane') },
    }
    writeFileSync(this.#configFile, stringify({ ...base, ...this.#options.config, ...more }))
  }

  /** Replaces the static file at once, as a careful person does. */
  declare(nodes: readonly NodeFact[], pods: readonly PodFact[] = []): void {
    writeFileSync(`${this.#nodesFile}.new`, stringify({ nodes, pods }))
    renameSync(`${this.#nodesFile}.new`, this.#nodesFile)
  }

  get agent(): AgentProcess {
    if (!this.#agent) throw new Error('no agent was started')
    return this.#agent
  }

  /** Starts the agent anew and waits until it has written what its inputs say. */
  async start(version?: string): Promise<AgentProcess> {
    const agent = this.launch(version)
    await agent.up()
    await this.settled()
    return agent
  }

  launch(version?: string): AgentProcess {
    this.#agent = startAgentProcess(this.ns, this.#configFile, version, {
      PODLANE_SOCKET: join(this.runFolder, 'cni.sock'),
      ...this.env,
    })
    return this.#agent
  }

  /** Goes on with an agent that was started before. */
  adopt(agent: AgentProcess): void {
    this.#agent = agent
  }

  /** Resolves when a while has passed without the agent changing anything, and no new pod waits for its programs. */
  async settled(quietMs = 150): Promise<void> {
    let count = -1
    let since = Date.now()
    await until('the agent settles', async () => {
      if (this.agent.lines.length !== count) since = Date.now()
      count = this.agent.lines.length
      return Date.now() - since > quietMs && !(await this.#hasWaitingPods())
    })
  }

  async #hasWaitingPods(): Promise<boolean> {
    const status = await this.status().catch(() => undefined)
    return status?.fastLane?.waitingPods !== undefined
  }

  get socket(): string {
    return join(this.runFolder, 'agent.sock')
  }

  async status(): Promise<AgentStatus> {
    return must(parseAgentStatus(must(await askSocket(this.socket, 'GET', '/status')), 'agent'))
  }

  /** As `podlane lane` does it; resolves when it is so. */
  async setLane(lane: LaneWord, peer?: string): Promise<AgentStatus> {
    const body = peer === undefined ? { lane } : { lane, peer }
    return must(parseAgentStatus(must(await askSocket(this.socket, 'PUT', '/lane', body)), 'agent'))
  }

  call(
    verb: string,
    container: string,
    netns: string | undefined,
    options: CallOptions = {},
  ): Promise<Ended> {
    const { ifName = 'eth0', version = '1.1.0', args, config = {}, waitMs = 5000 } = options
    return runProgram(
      {
        PODLANE_SOCKET: join(this.runFolder, 'cni.sock'),
        PODLANE_WAIT_MS: String(waitMs),
        CNI_COMMAND: verb,
        CNI_CONTAINERID: container,
        CNI_IFNAME: ifName,
        CNI_PATH: '/opt/cni/bin',
        ...(netns === undefined ? {} : { CNI_NETNS: netns }),
        ...(args === undefined ? {} : { CNI_ARGS: args }),
      },
      JSON.stringify({ cniVersion: version, name: 'podlane', type: 'podlane', ...config }),
    )
  }

  /** ADD that must succeed, into a new namespace. */
  async pod(container: string, options: CallOptions = {}): Promise<TestPod> {
    const ns = testNamespace(this.#t)
    const added = await this.call('ADD', container, ns.path, options)
    if (added.code !== 0) throw new Error(`ADD ${container}: ${added.stdout}`)
    return podOf(this, container, ns, added, options)
  }

  /** Like `pod`, but nothing of the test keeps its namespace alive: `destroy` ends it with all that is in it. */
  async doomedPod(
    container: string,
  ): Promise<{ readonly ips: readonly string[]; readonly destroy: () => void }> {
    const path = join(this.folder, `netns-${container}`)
    createNetns(path)
    this.#doomed.push(path)
    const added = await this.call('ADD', container, path)
    if (added.code !== 0) throw new Error(`ADD ${container}: ${added.stdout}`)
    return { ips: ipsOf(added), destroy: () => removeNetns(path) }
  }

  openDescriptors(): number {
    return readdirSync(`/proc/${this.agent.pid}/fd`).length
  }

  makeReadable(mode: number): void {
    chmodSync(this.runFolder, mode)
  }
}

export type TestPod = {
  readonly container: string
  readonly ns: TestNamespace
  readonly result: Ended['json']
  readonly ips: readonly string[]
  readonly del: () => Promise<Ended>
  readonly check: (more?: object) => Promise<Ended>
}

function podOf(
  bench: NodeBench,
  container: string,
  ns: TestNamespace,
  added: Ended,
  options: CallOptions,
): TestPod {
  return {
    container,
    ns,
    result: added.json,
    ips: ipsOf(added),
    del: () => bench.call('DEL', container, ns.path, options),
    check: (more = {}) =>
      bench.call('CHECK', container, ns.path, {
        ...options,
        config: { ...options.config, prevResult: added.json, ...more },
      }),
  }
}

export function ipsOf(added: Ended): string[] {
  const { ips = [] } = added.json as { ips?: { address: string }[] }
  return ips.map((i) => i.address.replace(/\/\d+$/, ''))
}

/** A veth between two namespaces, each end up with its addresses. */
export function join2(
  a: TestNamespace,
  b: TestNamespace,
  addresses: { readonly a: readonly string[]; readonly b: readonly string[] },
  names: { readonly a: string; readonly b: string } = { a: 'eth0', b: 'eth0' },
): void {
  run(a, 'ip', 'link', 'add', names.a, 'type', 'veth', 'peer', 'name', 'joining')
  run(a, 'ip', 'link', 'set', 'joining', 'netns', b.path, 'name', names.b)
  for (const [ns, device, own] of [
    [a, names.a, addresses.a],
    [b, names.b, addresses.b],
  ] as const) {
    for (const address of own) {
      const nodad = address.includes(':') ? ['nodad'] : []
      run(ns, 'ip', 'address', 'add', address, 'dev', device, ...nodad)
    }
    run(ns, 'ip', 'link', 'set', device, 'up')
  }
}
