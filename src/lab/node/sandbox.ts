// One pod on the node from beginning to end: its namespace, the CNI calls, its containers. What it has got stands in
// `facts` for the status; every change is told.

import { randomBytes } from 'node:crypto'
import type { Fault, Result } from '../../base/result.ts'
import { err, ok } from '../../base/result.ts'
import { setLink } from '../../kernel/netlink/link.ts'
import { NETLINK_ROUTE, NetlinkSocket } from '../../kernel/netlink/socket.ts'
import { createNetns, removeNetns, withNetnsPath } from '../../kernel/netns.ts'
import type { Attachment, CniFolders, ConfigList } from './cni_plugin.ts'
import { addNetwork, type CniResult, checkNetwork, delNetwork, readConfigList } from './cni_runtime.ts'
import { type Container, type Ports, portsOf, startContainer, stopContainer } from './container.ts'
import { type ContainerSpec, capabilityArguments, type PodSpec } from './pod_spec.ts'
import type { ContainerState, PodFacts } from './pod_status.ts'

export type SandboxOptions = {
  readonly pod: PodSpec
  readonly node: string
  readonly nodeAddresses: readonly string[]
  readonly folders: CniFolders
  readonly logFd: number
  /** Something that the status shows is different now. */
  readonly onChange: () => void
}

type Network = { readonly list: ConfigList; readonly attachment: Attachment; readonly result: CniResult }
type Slot = {
  container: Container | undefined
  state: ContainerState
  restarts: number
  readonly ports: Ports
}

const GRACE_MS = 2000
const MOST_RESTART_DELAY_MS = 10_000

export class Sandbox {
  readonly containerId = randomBytes(32).toString('hex')
  readonly #options: SandboxOptions
  readonly #startedAt = new Date().toISOString()
  readonly #slots = new Map<string, Slot>()
  #network: Network | undefined
  #netns: string | undefined
  #stopping = false

  constructor(options: SandboxOptions) {
    this.#options = options
    for (const [i, container] of options.pod.spec.containers.entries()) {
      const state = { is: 'waiting', reason: 'ContainerCreating', message: '' } as const
      this.#slots.set(container.name, {
        container: undefined,
        state,
        restarts: 0,
        ports: portsOf(container, i),
      })
    }
  }

  /** Undefined for a pod in the host's network. */
  get netns(): string | undefined {
    return this.#netns
  }

  get containers(): readonly { readonly name: string; readonly pid: number; readonly ports: Ports }[] {
    return [...this.#slots].flatMap(([name, { container, ports }]) =>
      container ? [{ name, pid: container.pid, ports }] : [],
    )
  }

  get facts(): PodFacts {
    const { nodeAddresses, pod } = this.#options
    const own = this.#network?.result.addresses ?? []
    return {
      hostAddresses: nodeAddresses,
      podAddresses: pod.spec.hostNetwork ? nodeAddresses : own,
      startedAt: this.#startedAt,
      containers: [...this.#slots].map(([name, { state, restarts }]) => ({ name, state, restarts })),
    }
  }

  /** A refused ADD leaves nothing behind; the pod waits, and its status says for what. */
  async start(): Promise<Result<void>> {
    if (!this.#options.pod.spec.hostNetwork) {
      const connected = await this.#connect()
      if (!connected.ok) {
        this.#wait(connected.error)
        return connected
      }
    }
    await Promise.all(this.#options.pod.spec.containers.map((c) => this.#run(c)))
    return ok(undefined)
  }

  /** The fault of a DEL, after which it must be called again. */
  async stop(): Promise<Result<void>> {
    this.#stopping = true
    const running = [...this.#slots.values()].flatMap(({ container }) => container ?? [])
    await Promise.all(running.map((c) => stopContainer(c, GRACE_MS)))
    if (this.#network) {
      const { list, attachment, result } = this.#network
      const gone = await delNetwork(list, attachment, result, this.#options.folders)
      if (!gone.ok) return gone
      this.#network = undefined
    }
    this.#removeNamespace()
    return ok(undefined)
  }

  /** CNI CHECK: success too where there is nothing to check. */
  async check(): Promise<Result<void>> {
    if (!this.#network) return ok(undefined)
    const { list, attachment, result } = this.#network
    return checkNetwork(list, attachment, result, this.#options.folders)
  }

  async #connect(): Promise<Result<void>> {
    const { pod, folders } = this.#options
    const list = readConfigList(folders)
    if (!list.ok) return list
    const netns = `/run/netns/cni-${this.containerId.slice(0, 20)}`
    createNetns(netns)
    this.#netns = netns
    withNetnsPath(netns, () => {
      using route = new NetlinkSocket(NETLINK_ROUTE)
      route.request(setLink('lo', { up: true }))
    })
    const attachment: Attachment = {
      containerId: this.containerId,
      ifName: 'eth0',
      netns,
      args: {
        K8S_POD_NAMESPACE: pod.metadata.namespace,
        K8S_POD_NAME: pod.metadata.name,
        K8S_POD_INFRA_CONTAINER_ID: this.containerId,
        K8S_POD_UID: pod.metadata.uid,
      },
      capabilities: capabilityArguments(pod),
    }
    const result = await addNetwork(list.value, attachment, folders)
    if (!result.ok) {
      this.#removeNamespace()
      return err(result.error)
    }
    this.#network = { list: list.value, attachment, result: result.value }
    return ok(undefined)
  }

  #removeNamespace(): void {
    if (this.#netns !== undefined) removeNetns(this.#netns)
    this.#netns = undefined
  }

  #wait(fault: Fault): void {
    const state = { is: 'waiting', reason: 'ContainerCreating', message: fault.found } as const
    for (const slot of this.#slots.values()) slot.state = state
    this.#options.onChange()
  }

  async #run(spec: ContainerSpec): Promise<void> {
    const slot = this.#slots.get(spec.name)
    if (!slot || this.#stopping) return
    const { pod, node, logFd, onChange } = this.#options
    const container = startContainer({
      name: spec.name,
      hostname: pod.metadata.name,
      node,
      ports: slot.ports,
      logFd,
      ...(this.#netns === undefined ? {} : { netns: this.#netns }),
    })
    slot.container = container
    const { pid, startedAt } = container
    void container.ended.then((exitCode) => this.#ended(spec, slot, exitCode, startedAt))
    const ready = await container.listening
    if (!ready) return
    slot.state = { is: 'running', startedAt, ready, pid }
    onChange()
  }

  #ended(spec: ContainerSpec, slot: Slot, exitCode: number, startedAt: string): void {
    slot.container = undefined
    if (this.#stopping) return
    slot.state = { is: 'ended', exitCode, startedAt, endedAt: new Date().toISOString() }
    this.#options.onChange()
    const policy = this.#options.pod.spec.restartPolicy
    if (policy === 'Never' || (policy === 'OnFailure' && exitCode === 0)) return
    const delayMs = Math.min(MOST_RESTART_DELAY_MS, 100 * 2 ** slot.restarts)
    slot.restarts++
    setTimeout(() => void this.#run(spec), delayMs)
  }
}
