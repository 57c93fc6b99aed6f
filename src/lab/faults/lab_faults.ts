// Breaks the lab's network at one node's port of the hub, and mends it again: what users see of a black hole, of a NIC
// that spoils checksums and of a way that leads in one direction only.

import { closeSync } from 'node:fs'
import * as v from 'valibot'
import { type Cidr, hostCidr, parseCidr } from '../../base/cidr.ts'
import type { IfIndex } from '../../base/ifindex.ts'
import { err, fault, ok, type Result } from '../../base/result.ts'
import { setCompletesChecksums } from '../../kernel/ethtool.ts'
import { getLinks, parseLink } from '../../kernel/netlink/link.ts'
import { NETLINK_ROUTE, NetlinkSocket } from '../../kernel/netlink/socket.ts'
import { openNetns, withNetns } from '../../kernel/netns.ts'
import type { PathKind } from '../../plan/peers.ts'
import { nearestName } from '../../schema/nearest.ts'
import { openLabApi } from '../api_client.ts'
import { kubeconfigFile, netnsFile } from '../paths.ts'
import { readRecord } from '../record.ts'
import { type LabNode, planTopology } from '../topology.ts'
import { HUB } from '../underlay.ts'
import { layFault, liftFault, type WireFault } from './wire.ts'

export type LabFault = {
  readonly fault: WireFault
  readonly node: string
  /** Undefined: all other nodes. */
  readonly peer: string | undefined
  /** Undefined: every packet, of whatever path. */
  readonly path: PathKind | undefined
}

/** What the node had before is mended first. */
export async function breakLab({ fault: wire, node, peer, path }: LabFault): Promise<Result<void>> {
  const nodes = labNodes()
  if (!nodes.ok) return nodes
  for (const name of [node, ...(peer === undefined ? [] : [peer])])
    if (!nodes.value.some((n) => n.name === name)) return unknownNode(name, nodes.value)
  if (node === peer) return fault('bad-option', '--peer', 'another node', node, 'name two nodes')
  const others = nodes.value.filter((n) => n.name !== node && (peer === undefined || n.name === peer))
  const peers = await identitiesOf(others)
  if (!peers.ok) return peers
  return inHub((route, portOf) => {
    // The node's device is to complete what was left to it: done where its packets leave the hub.
    if (wire.kind === 'checksum') for (const other of others) setCompletesChecksums(other.name, false)
    const paths = path === undefined ? (['direct', 'vxlan'] as const) : [path]
    return layFault(route, portOf(node), { fault: wire, paths, peers: peers.value })
  })
}

/** The whole lab, whatever was broken. */
export async function mendLab(): Promise<Result<void>> {
  const nodes = labNodes()
  if (!nodes.ok) return nodes
  return inHub((route, portOf) => {
    for (const { name } of nodes.value) {
      setCompletesChecksums(name, true)
      const lifted = liftFault(route, portOf(name))
      if (!lifted.ok) return lifted
    }
    return ok(undefined)
  })
}

function labNodes(): Result<readonly LabNode[]> {
  const record = readRecord()
  if (!record) return fault('lab', 'the lab', 'one that is up', 'none', 'run «podlane lab up»')
  const topology = planTopology(record.options)
  return topology.ok ? ok(topology.value.nodes) : topology
}

function unknownNode(name: string, nodes: readonly LabNode[]): Result<never> {
  const names = nodes.map((n) => n.name)
  const nearest = nearestName(name, names)
  const found = nearest === undefined ? `there are ${names.join(', ')}` : `the nearest is ${nearest}`
  return fault('bad-option', name, 'a node of the lab', found, 'see «podlane lab status»')
}

const nodeListSchema = v.object({
  items: v.array(
    v.object({
      metadata: v.object({ name: v.string() }),
      spec: v.object({ podCIDRs: v.optional(v.array(v.string()), []) }),
    }),
  ),
})

/** Their addresses on the underlay, and their pods'. */
async function identitiesOf(nodes: readonly LabNode[]): Promise<Result<readonly Cidr[]>> {
  const api = await openLabApi(kubeconfigFile)
  if (!api.ok) return api
  const answer = await api.value.ask('GET', '/api/v1/nodes')
  api.value.close()
  if (!answer.ok) return answer
  const list = v.safeParse(nodeListSchema, answer.value.body)
  if (!list.success)
    return fault('api', 'GET /api/v1/nodes', 'a list of nodes', v.flatten(list.issues).root?.[0] ?? '', '')
  const names = new Set(nodes.map((n) => n.name))
  const ranges = list.output.items.filter((i) => names.has(i.metadata.name)).flatMap((i) => i.spec.podCIDRs)
  const parsed = ranges.map(parseCidr)
  const wrong = parsed.find((p) => !p.ok)
  if (wrong && !wrong.ok) return err(wrong.error)
  const addresses = nodes.flatMap((n) => n.addresses.map((a) => hostCidr(a.ip)))
  return ok([...addresses, ...parsed.flatMap((p) => (p.ok ? [p.value] : []))])
}

type Work = (route: NetlinkSocket, portOf: (node: string) => IfIndex) => Result<void>

function inHub(work: Work): Result<void> {
  const fd = openNetns(netnsFile(HUB))
  try {
    return withNetns(fd, () => {
      using route = new NetlinkSocket(NETLINK_ROUTE)
      const ports = new Map(
        route
          .dump(getLinks())
          .map(parseLink)
          .map((l) => [l.name, l.index]),
      )
      const portOf = (node: string): IfIndex => {
        const port = ports.get(node)
        if (port === undefined) throw new Error(`the hub has no port ${node}`)
        return port
      }
      return work(route, portOf)
    })
  } finally {
    closeSync(fd)
  }
}
