// What the CNI verbs ask of the agent: the one door between the CNI protocol and the pod network. The verbs know
// versions, JSON and error codes; whoever implements this knows addresses and the kernel.

import type { Cidr } from '../base/cidr.ts'
import type { IfIndex } from '../base/ifindex.ts'
import type { Ip } from '../base/ip.ts'
import type { Mac } from '../base/mac.ts'
import type { Result } from '../base/result.ts'
import type { Bandwidth, HostPort } from '../state/wishes.ts'

export type { Bandwidth, HostPort }

/** One interface in one container: the identity of everything that ADD makes. */
export type AttachmentId = {
  readonly containerId: string
  readonly ifName: string
}

export type AddRequest = AttachmentId & {
  /** Open file descriptor of the pod's network namespace; the caller of `add` closes it afterwards. */
  readonly netnsFd: number
  /** The network's name in the config. GC speaks of one network: whoever has several must not lose the others. */
  readonly network: string
  readonly podUid: string | undefined
  readonly podNamespace: string | undefined
  readonly podName: string | undefined
  /** Fixed addresses asked for (capability ips, CNI_ARGS IP); empty: the agent chooses one of each family. */
  readonly ips: readonly Ip[]
  readonly mac: Mac | undefined
  readonly hostPorts: readonly HostPort[]
  readonly bandwidth: Bandwidth | undefined
}

/** What one ADD made; its container ID may be a shortened one. */
export type MadeAttachment = AttachmentId & { readonly hostIndex: IfIndex }

export type PodRoute = {
  readonly dst: Cidr
  readonly gw: Ip | undefined
  readonly mtuBytes: number | undefined
}

/** What stands in the kernel for one attachment. */
export type Attachment = AttachmentId & {
  readonly hostInterface: {
    readonly name: string
    readonly index: IfIndex
    readonly mac: Mac
    readonly mtuBytes: number
  }
  readonly podInterface: { readonly name: string; readonly mac: Mac; readonly mtuBytes: number }
  /** With the gateway that the pod uses: 169.254.1.1 or fe80::1. */
  readonly ips: readonly { readonly address: Cidr; readonly gateway: Ip }[]
  readonly routes: readonly PodRoute[]
}

export type CheckRequest = AttachmentId & {
  readonly netnsFd: number
  /** Addresses that prevResult claims for this interface, without the prefix length. */
  readonly ips: readonly Ip[]
  readonly mac: Mac | undefined
  readonly hostPorts: readonly HostPort[]
  readonly bandwidth: Bandwidth | undefined
}

export type Readiness =
  | { readonly state: 'ready' }
  /** `limited`: running pods have limited connectivity too (CNI code 51 instead of 50). */
  | { readonly state: 'not-ready'; readonly limited: boolean; readonly why: string; readonly next: string }

/**
 * Fault kinds that the verbs translate into CNI codes stand in errors.ts (`bad-namespace` 8, `try-again` 11, `exists`
 * 4 …); a kind that is not there becomes 100. docs/design/cni.md lists the codes.
 */
export type PodNetwork = {
  readonly add: (request: AddRequest) => Promise<Result<Attachment>>
  /**
   * Success also for what never was. The address is free only when the kernel is done with the link.
   * @param hostIndex only what one ADD made: a later one of the same container has another host interface, and stays
   */
  readonly del: (id: AttachmentId, hostIndex?: IfIndex) => Promise<Result<void>>
  /** One fault that names everything missing or changed. */
  readonly check: (request: CheckRequest) => Promise<Result<void>>
  readonly status: () => Promise<Readiness>
  /** Every attachment of this network that is not in the list: GC removes them by `del`, in the turns of the others. */
  readonly surplus: (network: string, valid: readonly AttachmentId[]) => Promise<readonly MadeAttachment[]>
}
