// What is read of the kernel for one packet's walk: plain data, no judgement. Whatever could not be read is absent, and
// `notes` says why.

import type { Cidr } from '../../base/cidr.ts'
import type { Ip } from '../../base/ip.ts'
import type { Mac } from '../../base/mac.ts'
import type { LinkRow } from '../../kernel/netlink/link.ts'
import type { Tracked } from '../../kernel/nft/tracked.ts'
import type { Packet, Wire } from '../../schema/walk.ts'

export type LinkFact = Pick<LinkRow, 'index' | 'name' | 'kind' | 'mac' | 'mtuBytes' | 'up' | 'queue'>
/** `runNs` is the mean of a run, of its whole life; absent while the kernel keeps no statistics. */
export type ProgramFact = { readonly name: string; readonly runNs?: number }

/** A pod of this node. */
export type PodFact = {
  readonly name: string
  readonly addresses: readonly Ip[]
  readonly mac: Mac
  /** The host's end. */
  readonly link: LinkFact | undefined
  /** Its own end, in its namespace. */
  readonly end: LinkFact | undefined
  /** What runs on what it sends, and on what it is sent through the stack. */
  readonly onSent: readonly ProgramFact[]
  readonly onReceived: readonly ProgramFact[]
}

export type Entry =
  | { readonly kind: 'pod'; readonly pod: PodFact }
  | { readonly kind: 'node' }
  | { readonly kind: 'wire'; readonly wire: Wire }

export type EndpointFact = { readonly index: number; readonly mac: Mac; readonly limited: boolean }
export type LanePath = {
  readonly kind: 'here' | 'direct' | 'vxlan'
  readonly lane: 'fast' | 'plain'
  /** The uplink's. */
  readonly device: number
  readonly mtuBytes: number
  readonly hop: 'good' | 'moved' | 'none'
  readonly hopMac: Mac | undefined
  /** The other node, and this one: a tunnel's ends. */
  readonly peer: Ip
  readonly own: Ip
  readonly ownMac: Mac | undefined
  /** By which the peer's direct packets are known. */
  readonly directMac: Mac | undefined
}
export type FlowFact = {
  readonly table: 'flows' | 'half_open'
  readonly lane: 'fast' | 'plain'
  /** In words; empty if it is fast. */
  readonly why: string
  /** Its epoch is the present one. */
  readonly current: boolean
  readonly sourcePort: number
  readonly bothSeen: boolean
}
/** The programs' maps about this packet. */
export type LaneFacts = {
  readonly source: EndpointFact | undefined
  readonly destination: EndpointFact | undefined
  readonly here: LanePath | undefined
  /** Of the flow if there is one, else of the range that the other end is in. */
  readonly path: LanePath | undefined
  readonly flow: FlowFact | undefined
}

export type FilterFacts = {
  /** Interface, MAC and source of a pod's packet are together in the set. */
  readonly sourceIsPods: boolean
  readonly sourceInCluster: boolean
  readonly sourceIsOwn: boolean
  /** An address at which some node ends tunnels. */
  readonly sourceIsTunnelEnd: boolean
  readonly targetUnmasqueraded: boolean
  readonly targetIsNode: boolean
  /** MAC and source of a direct packet, outer and inner source of a tunnel's. */
  readonly senderIsNodes: boolean
  readonly outerSourceIsNode: boolean
  readonly outerDestinationIsNode: boolean
  readonly hostPort: { readonly to: Ip; readonly port: number } | undefined
  /** What each named counter has counted since the tables were made; absent: there are no tables. */
  readonly drops: ReadonlyMap<string, number> | undefined
}

export type RouteFact =
  | {
      readonly type: string
      readonly device: LinkFact | undefined
      readonly gateway: Ip | undefined
      /** That the kernel would give a packet of its own. */
      readonly source: Ip | undefined
      /** Of the route itself. */
      readonly mtuBytes: number | undefined
      /** The table's entry, as `ip route` has it. */
      readonly entry: Cidr | undefined
    }
  /** Why the kernel finds none: the errno's name. */
  | { readonly refused: string }

export type NeighbourFact = {
  readonly ip: Ip
  readonly mac: Mac | undefined
  readonly state: 'fixed' | 'known' | 'failed' | 'unknown'
}
/** The way of a packet out of this node by the VXLAN device. */
export type TunnelFact = {
  readonly vni: number
  readonly port: number
  readonly local: Ip | undefined
  /** The node that the frames' MAC leads to. */
  readonly remote: Ip | undefined
  readonly route: RouteFact | undefined
  readonly neighbour: NeighbourFact | undefined
}

/** A chain of somebody else's, at a hook that pods' packets meet in the stack. */
export type OtherTable = {
  /** `ip kube-proxy` */
  readonly table: string
  readonly hook: 'prerouting' | 'input' | 'forward' | 'output' | 'postrouting'
  readonly translates: boolean
}

export type PeerFact = {
  readonly name: string
  readonly address: Ip
  /** Its addresses on the segment of this node's uplink. */
  readonly onLink: readonly Ip[]
  /** The range that the packet's far end is in; absent: it is the node itself. */
  readonly range: Cidr | undefined
}

export type WalkFacts = {
  readonly node: string
  readonly packet: Packet
  readonly entry: Entry
  /** Undefined: this node has no fast lane. */
  readonly lane: LaneFacts | undefined
  readonly kernel: {
    /** Programs can ask it whether a flow is translated (6.1). */
    readonly answers: boolean
    /** Programs can say which family is in a tunnel (6.2). */
    readonly mixesFamilies: boolean
  }
  readonly vxlanPort: number
  /** Of the nodes' path probes; undefined: there are none. */
  readonly probePort: number | undefined
  readonly vni: number
  readonly uplink: LinkFact | undefined
  readonly uplinkPrograms: readonly ProgramFact[]
  readonly tracked: Tracked | undefined
  readonly filter: FilterFacts
  readonly others: readonly OtherTable[]
  /** Where it goes after what translates it. */
  readonly target: { readonly ip: Ip; readonly port: number | undefined }
  readonly route: RouteFact
  readonly neighbour: NeighbourFact | undefined
  /** The VXLAN device, whatever the packet has to do with it. */
  readonly tunnelDevice: LinkFact | undefined
  readonly tunnel: TunnelFact | undefined
  /** Source of what this node masquerades on that way. */
  readonly masqueraded: Ip | undefined
  /** The pod of this node that it is for. */
  readonly receiver: PodFact | undefined
  readonly peer: PeerFact | undefined
  readonly notes: readonly string[]
}
