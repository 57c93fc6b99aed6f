// Links and what runs at their hooks, as the kernel has them now; a pod's own end too, read from here.

import type { IfIndex } from '../../base/ifindex.ts'
import { closeFd } from '../../kernel/bpf/command.ts'
import { ATTACH, hasDeviceHook, programsAt } from '../../kernel/bpf/link.ts'
import { openProgramById, programInfo } from '../../kernel/bpf/program_info.ts'
import { getFilters, parseFilter, type Side } from '../../kernel/netlink/clsact.ts'
import { getLink, type LinkRow, parseLink } from '../../kernel/netlink/link.ts'
import type { NetlinkSocket } from '../../kernel/netlink/socket.ts'
import type { Endpoint } from '../../state/endpoint.ts'
import type { LinkFact, PodFact, ProgramFact } from './facts.ts'

export function readLink(route: NetlinkSocket, index: number, netnsId?: number): LinkRow | undefined {
  const answer = route.request(getLink(index, netnsId))
  const [body] = answer.ok ? answer.replies : []
  return body && parseLink(body)
}

export const linkFact = ({ index, name, kind, mac, mtuBytes, up, queue }: LinkRow): LinkFact => ({
  ...{ index, name, kind, mac, mtuBytes, up, queue },
})

/** @param name as people call the pod */
export function readPod(route: NetlinkSocket, endpoint: Endpoint, name: string): PodFact {
  const { link, podMac, addresses } = endpoint
  const host = readLink(route, link.index)
  const { peerIndex, peerNetnsId } = host ?? {}
  const end =
    peerIndex === undefined || peerNetnsId === undefined ? undefined : readLink(route, peerIndex, peerNetnsId)
  return {
    ...{ name, addresses, mac: podMac },
    link: host && linkFact(host),
    end: end && linkFact(end),
    onSent: host ? readPrograms(route, link.index, 'ingress') : [],
    onReceived: host ? readPrograms(route, link.index, 'egress') : [],
  }
}

/** In the order in which they run, whosever they are: by tcx, then by clsact. */
export function readPrograms(route: NetlinkSocket, device: IfIndex, side: Side): ProgramFact[] {
  const hook = side === 'ingress' ? ATTACH.TCX_INGRESS : ATTACH.TCX_EGRESS
  const byTcx = hasDeviceHook(hook) ? programsAt(device, hook) : []
  return [...byTcx, ...readFilters(route, device, side)].flatMap((id) => readProgram(id) ?? [])
}

/** A link without the qdisc has no filters. */
function readFilters(route: NetlinkSocket, device: IfIndex, side: Side): number[] {
  try {
    return route.dump(getFilters(device, side)).flatMap((body) => parseFilter(body)?.programId ?? [])
  } catch {
    return []
  }
}

/** Fewer say what a first run costs, and not what the next one will. */
const FEWEST_RUNS = 1000n

function readProgram(id: number): ProgramFact | undefined {
  const fd = openProgramById(id)
  if (fd === undefined) return undefined
  const { name, runCount, runTimeNs } = programInfo(fd)
  closeFd(fd)
  return runCount < FEWEST_RUNS ? { name } : { name, runNs: Number(runTimeNs) / Number(runCount) }
}
