// A broken network between nodes, laid on the switch's port of a node (bpf/wire_fault.bpf.c): packets vanish by size, by
// direction, or come out with a wrong checksum. The port is the lab's or a test's, never a node's own device.

import { type Cidr, cidrAddress, cidrFamily, cidrLength } from '../../base/cidr.ts'
import type { IfIndex } from '../../base/ifindex.ts'
import { ipBytes } from '../../base/ip.ts'
import { err, ok, type Result } from '../../base/result.ts'
import { readObject } from '../../kernel/bpf/object.ts'
import { type LoadedObject, loadObject } from '../../kernel/bpf/program.ts'
import { EEXIST, EINVAL, ENOENT } from '../../kernel/errno.ts'
import { addClsact, delClsact, type Side, setFilter } from '../../kernel/netlink/clsact.ts'
import type { Message } from '../../kernel/netlink/message.ts'
import { answerFault, type NetlinkSocket } from '../../kernel/netlink/socket.ts'
import type { PathKind } from '../../plan/peers.ts'

export type WireFault =
  /** IP packets larger than this vanish without ICMP, in both directions. */
  | { readonly kind: 'mtu'; readonly largestBytes: number }
  /** What the node leaves to its device to complete comes out wrong; see `docs/design/measuring.md`. */
  | { readonly kind: 'checksum' }
  /** Packets of the node vanish; those to it arrive. */
  | { readonly kind: 'oneway' }

/** `WIRE_…` of the program. */
const FAULT = { mtu: 1, checksum: 2, oneway: 3 } as const
const PATH = { direct: 1, vxlan: 2 } as const

export type LaidFault = {
  readonly fault: WireFault
  /** Which packets it meets: of direct paths (with them all else between the nodes but VXLAN), or of the tunnel. */
  readonly paths: readonly PathKind[]
  /** Addresses and pod ranges of the nodes at the other ends. */
  readonly peers: readonly Cidr[]
}

/** Takes the place of the fault that the port has. @param route of the switch's namespace */
export function layFault(route: NetlinkSocket, port: IfIndex, laid: LaidFault): Result<void> {
  const object = readObject('wire_fault')
  if (!object.ok) return object
  const { fault } = laid
  const loaded = loadObject(object.value, {
    constants: {
      wire_fault: FAULT[fault.kind],
      wire_paths: laid.paths.reduce((bits, kind) => bits | PATH[kind], 0),
      wire_bytes: fault.kind === 'mtu' ? fault.largestBytes : 0,
    },
  })
  if (!loaded.ok) return loaded
  try {
    for (const peer of laid.peers) loaded.value.map('wire_peers').update(rangeKey(peer), Buffer.alloc(4, 1))
    return write(route, [delClsact(port), addClsact(port), ...filters(port, fault, loaded.value)])
  } finally {
    // The filters hold what they need.
    loaded.value.close()
  }
}

/** Success also where none is. */
export const liftFault = (route: NetlinkSocket, port: IfIndex): Result<void> =>
  write(route, [delClsact(port)])

function filters(port: IfIndex, fault: WireFault, loaded: LoadedObject): Message[] {
  const on = (side: Side, name: string): Message => setFilter(port, side, name, loaded.program(name).fd)
  const from = on('ingress', 'from_node')
  return fault.kind === 'mtu' ? [from, on('egress', 'to_node')] : [from]
}

/** A port without clsact says so in one of these words. */
const ABSENT: readonly number[] = [ENOENT, EINVAL, EEXIST]

function write(route: NetlinkSocket, messages: readonly Message[]): Result<void> {
  for (const [i, answer] of route.batch(messages).entries()) {
    const message = messages[i]
    if (message && !answer.ok && !(i === 0 && ABSENT.includes(answer.errno)))
      return err(answerFault(message, answer))
  }
  return ok(undefined)
}

/** `struct wire_range`. */
function rangeKey(range: Cidr): Buffer {
  const out = Buffer.alloc(20)
  const is4 = cidrFamily(range) === 4
  out.writeUInt32LE(cidrLength(range) + (is4 ? 96 : 0))
  if (is4) out.writeUInt16BE(0xffff, 14)
  out.set(ipBytes(cidrAddress(range, 0n)), is4 ? 16 : 4)
  return out
}
