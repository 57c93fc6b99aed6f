// Programs on devices, which stay while no agent runs and are replaced atomically; by bpf links that are pinned. A
// link's device is what the kernel says; a pin whose device is gone is a leftover.

import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { IfIndex } from '../../base/ifindex.ts'
import { ok, type Result } from '../../base/result.ts'
import { ATTACH, attachToDevice, type BpfLink, openPinnedLink } from '../../kernel/bpf/link.ts'
import type { BpfProgram } from '../../kernel/bpf/program.ts'
import { programInfo } from '../../kernel/bpf/program_info.ts'

export type Hook = 'pod-egress' | 'pod-ingress' | 'uplink-ingress'
export type Device = { readonly index: IfIndex; readonly name: string }

export type Attachments = {
  readonly way: 'tcx' | 'clsact'
  /** Attaches the program, or puts it in the place of another. @returns whether anything changed */
  readonly attach: (device: Device, hook: Hook, program: BpfProgram) => Result<boolean>
  /** Takes our programs off the device, if it still is there, and no others. */
  readonly detach: (device: string) => void
  /** Whether a program of ours is at the hook of this very device. */
  readonly isAttached: (device: Device, hook: Hook) => boolean
  /** Names of devices that have programs of ours, or had when they went away. */
  readonly devices: () => string[]
  /** What is attached stays. */
  readonly close: () => void
}

export const HOOKS: readonly Hook[] = ['pod-egress', 'pod-ingress', 'uplink-ingress']

/**
 * As seen from the host's end of a pair, netkit's too: at netkit's own hooks bpf_redirect_peer drops the packet, because
 * it wants one that has come in.
 */
const ATTACH_TYPE: Readonly<Record<Hook, number>> = {
  'pod-egress': ATTACH.TCX_INGRESS,
  'pod-ingress': ATTACH.TCX_EGRESS,
  'uplink-ingress': ATTACH.TCX_INGRESS,
}

/** By bpf links on tcx. */
export function linkAttachments(folder: string): Attachments {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const pin = (device: string, hook: Hook): string => join(folder, `${device}-${hook}`)
  /** BOUNDED by the hooks of this node's devices: programs by pin, so that a look asks the kernel nothing. */
  const programs = new Map<string, { readonly fd: number; readonly index: number }>()

  const attach = (device: Device, hook: Hook, program: BpfProgram): Result<boolean> => {
    const path = pin(device.name, hook)
    const known = programs.get(path)
    if (known?.fd === program.fd && known.index === device.index && existsSync(path)) return ok(false)
    const standing = standingLink(path, device)
    if (!standing.ok) return standing
    if (standing.value) {
      const isSame = standing.value.info().programId === programInfo(program.fd).id
      const updated = isSame ? ok(undefined) : standing.value.update(program.fd)
      standing.value.close()
      if (updated.ok) programs.set(path, { fd: program.fd, index: device.index })
      return updated.ok ? ok(!isSame) : updated
    }
    const made = attachToDevice(program.fd, device.index, ATTACH_TYPE[hook])
    if (!made.ok) return made
    const pinned = made.value.pin(path)
    made.value.close()
    if (pinned.ok) programs.set(path, { fd: program.fd, index: device.index })
    return pinned.ok ? ok(true) : pinned
  }
  const detach = (device: string): void => {
    for (const hook of HOOKS) {
      const path = pin(device, hook)
      programs.delete(path)
      rmSync(path, { force: true })
    }
  }
  return {
    way: 'tcx',
    attach,
    detach,
    isAttached: (device, hook) => {
      const standing = standingLink(pin(device.name, hook), device)
      if (!standing.ok || !standing.value) return false
      standing.value.close()
      return true
    },
    devices: () => [
      ...new Set(
        readdirSync(folder).flatMap((name) => {
          const hook = HOOKS.find((h) => name.endsWith(`-${h}`))
          return hook ? [name.slice(0, -hook.length - 1)] : []
        }),
      ),
    ],
    close: () => {},
  }
}

/** A pin of an earlier device of the same name is removed. */
function standingLink(path: string, device: Device): Result<BpfLink | undefined> {
  if (!existsSync(path)) return ok(undefined)
  const found = openPinnedLink(path)
  if (!found.ok || !found.value) return found
  if (found.value.info().ifindex === device.index) return found
  found.value.close()
  rmSync(path, { force: true })
  return ok(undefined)
}
