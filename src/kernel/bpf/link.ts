// BPF links: an attached program as an object that can be pinned, replaced atomically and found again. tcx needs
// Linux 6.6, netkit 6.7, cgroup links 5.7.

import type { IfIndex } from '../../base/ifindex.ts'
import { ok, type Result } from '../../base/result.ts'
import { errnoName } from '../errno.ts'
import { Attr, BPF, bpf, bpfFault, closeFd, objectInfo } from './command.ts'
import { openPinned, pinObject } from './pin.ts'

/** enum bpf_attach_type. */
export const ATTACH = {
  CGROUP_SOCK_OPS: 3,
  SK_MSG_VERDICT: 7,
  TCX_INGRESS: 46,
  TCX_EGRESS: 47,
  NETKIT_PRIMARY: 54,
  NETKIT_PEER: 55,
} as const // prettier-ignore

const LINK_TYPE = { cgroup: 3, tcx: 11, netkit: 13 } as const
/** The kernel's own limit (linux/bpf_mprog.h). */
const MOST_PROGRAMS = 64
const F_BEFORE = 1 << 3
const F_AFTER = 1 << 4
const F_LINK = 1 << 13

/** Among the programs at a hook: before all, after all, or beside another link. */
export type LinkPlace =
  | { readonly at: 'head' | 'tail' }
  | { readonly before: BpfLink }
  | { readonly after: BpfLink }

export type LinkInfo = {
  readonly id: number
  readonly programId: number
  readonly kind: 'tcx' | 'netkit' | 'cgroup' | 'other'
  /** 0 once the device is gone, and for a cgroup. */
  readonly ifindex: number
  /** One of ATTACH; undefined for a kind that is not ours. */
  readonly attachType: number | undefined
}

export class BpfLink {
  readonly fd: number

  constructor(fd: number) {
    this.fd = fd
  }

  /** Puts another program in its place; no packet passes without one. */
  update(programFd: number): Result<void> {
    const done = bpf(BPF.LINK_UPDATE, new Attr(16).u32(0, this.fd).u32(4, programFd))
    if (done === 0) return ok(undefined)
    return bpfFault('bpf link', 'another program in it', -done, 'attach anew if its device is gone')
  }

  /** Takes the program off although pins remain. */
  detach(): Result<void> {
    const done = bpf(BPF.LINK_DETACH, new Attr(8).u32(0, this.fd))
    return done === 0 ? ok(undefined) : bpfFault('bpf link', 'detached', -done, 'remove its pin')
  }

  info(): LinkInfo {
    const info = Buffer.alloc(64)
    const done = objectInfo(this.fd, info)
    if (done < 0) throw new Error(`info of a bpf link: ${errnoName(-done)}`)
    return parseLinkInfo(info)
  }

  pin(path: string): Result<void> {
    return pinObject(this.fd, path)
  }

  /** Without a pin this detaches the program. */
  close(): void {
    closeFd(this.fd)
  }
}

function parseLinkInfo(info: Buffer): LinkInfo {
  const type = info.readUInt32LE(0)
  const kind = type === LINK_TYPE.tcx ? 'tcx' : type === LINK_TYPE.netkit ? 'netkit' : 'other'
  const base = { id: info.readUInt32LE(4), programId: info.readUInt32LE(8) }
  if (type === LINK_TYPE.cgroup)
    return { ...base, kind: 'cgroup', ifindex: 0, attachType: info.readUInt32LE(24) }
  if (kind === 'other') return { ...base, kind, ifindex: 0, attachType: undefined }
  return { ...base, kind, ifindex: info.readUInt32LE(16), attachType: info.readUInt32LE(20) }
}

function setPlace(attr: Attr, place: LinkPlace): Attr {
  if ('at' in place) return attr.u32(12, place.at === 'head' ? F_BEFORE : F_AFTER)
  const [side, other] = 'before' in place ? [F_BEFORE, place.before] : [F_AFTER, place.after]
  return attr.u32(12, side | F_LINK).u32(16, other.fd)
}

/** Attaches to a device of the calling thread's present namespace; after the programs that are there, unless said. */
export function attachToDevice(
  programFd: number,
  device: IfIndex,
  attachType: number,
  place: LinkPlace = { at: 'tail' },
): Result<BpfLink> {
  const attr = setPlace(new Attr(64).u32(0, programFd).u32(4, device).u32(8, attachType), place)
  const fd = bpf(BPF.LINK_CREATE, attr)
  if (fd >= 0) return ok(new BpfLink(fd))
  const wanted = `a program attached (attach type ${attachType})`
  return bpfFault(`link ${device}`, wanted, -fd, 'tcx needs Linux 6.6, netkit 6.7: «podlane status»')
}

/** `cgroupFd` is an open descriptor of the folder. */
export function attachToCgroup(programFd: number, cgroupFd: number, attachType: number): Result<BpfLink> {
  const attr = new Attr(64).u32(0, programFd).u32(4, cgroupFd).u32(8, attachType)
  const fd = bpf(BPF.LINK_CREATE, attr)
  if (fd >= 0) return ok(new BpfLink(fd))
  return bpfFault('cgroup', `a program attached (attach type ${attachType})`, -fd, 'this needs a cgroup v2')
}

/** Programs of type sk_msg belong to a map of sockets and go with it. */
export function attachToSockets(programFd: number, mapFd: number): Result<void> {
  const attr = new Attr(16).u32(0, mapFd).u32(4, programFd).u32(8, ATTACH.SK_MSG_VERDICT)
  const done = bpf(BPF.PROG_ATTACH, attr)
  if (done === 0) return ok(undefined)
  return bpfFault('map of sockets', 'a program attached', -done, 'it must be a SOCKMAP or SOCKHASH')
}

/** Ids of all programs at a device's hook in the order in which they run, whosever they are. */
export function programsAt(device: IfIndex, attachType: number): number[] {
  const ids = Buffer.alloc(MOST_PROGRAMS * 4)
  const attr = new Attr(64).u32(0, device).u32(4, attachType).pointer(16, ids).u32(24, MOST_PROGRAMS)
  const done = bpf(BPF.PROG_QUERY, attr)
  if (done < 0) throw new Error(`programs at link ${device}: ${errnoName(-done)}`)
  return Array.from({ length: attr.read32(24) }, (_, i) => ids.readUInt32LE(i * 4))
}

const LOOPBACK = 1

/** Whether this kernel has such a hook on devices: it is asked what stands at the loopback's. */
export function hasDeviceHook(attachType: number): boolean {
  return bpf(BPF.PROG_QUERY, new Attr(64).u32(0, LOOPBACK).u32(4, attachType)) === 0
}

/** Undefined if nothing is pinned there. */
export function openPinnedLink(path: string): Result<BpfLink | undefined> {
  const fd = openPinned('link', path)
  if (!fd.ok) return fd
  return ok(fd.value === undefined ? undefined : new BpfLink(fd.value))
}
