// Who makes the checksums within the tunnel: the uplink's device, to which they are usually left, or the stack, where a
// device spoils them. The tunnel device's alias says that it was us who switched, so that only that is taken back.

import { completesChecksums, setCompletesChecksums } from '../kernel/ethtool.ts'
import { type LinkRow, setLink } from '../kernel/netlink/link.ts'
import type { NetlinkSocket } from '../kernel/netlink/socket.ts'
import type { DesiredVxlan } from '../plan/network.ts'
import { merged, nothing, type Outcome, write } from './outcome.ts'

const OURS = 'podlane: checksums by the stack'

export function applyTunnelChecksums(
  socket: NetlinkSocket,
  link: LinkRow,
  { name, softwareChecksums }: DesiredVxlan,
): Outcome {
  const isLeft = completesChecksums(name)
  const isOurs = link.alias === OURS
  if (softwareChecksums) {
    if (isLeft !== true) return nothing
    // The word first: after a crash it is known whose work it was.
    const said = isOurs ? nothing : write(socket, 'change', [setLink(link.index, { alias: OURS })])
    return merged([said, switched(name, false)])
  }
  if (!isOurs) return nothing
  const back = isLeft === false ? switched(name, true) : nothing
  return back.faults.length > 0
    ? back
    : merged([back, write(socket, 'change', [setLink(link.index, { alias: '' })])])
}

function switched(name: string, on: boolean): Outcome {
  const refusal = setCompletesChecksums(name, on)
  if (refusal === undefined)
    return { changes: [`set tx checksumming of link ${name} ${on ? 'on' : 'off'}`], faults: [] }
  return {
    changes: [],
    faults: [
      {
        kind: 'kernel',
        object: `link ${name}`,
        wanted: `tx checksumming ${on ? 'on' : 'off'}`,
        found: refusal,
        next: `run «ethtool -K ${name} tx ${on ? 'on' : 'off'}» and see what the kernel says`,
      },
    ],
  }
}
