// Which way programs are attached on this kernel, and how what a former run attached the other way goes: only when the
// new programs stand. Until then a packet meets both, and the second finds what the first has decided.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fault, ok, type Result } from '../../base/result.ts'
import { ATTACH, hasDeviceHook } from '../../kernel/bpf/link.ts'
import { type Attachments, linkAttachments } from './attachments.ts'
import { clsactAttachments } from './clsact_attachments.ts'

export type Choice = {
  readonly attachments: Attachments
  /** For when all is attached this way. @returns devices that had something attached the other way */
  readonly dropFormer: () => readonly string[]
}

/** @param folder on a bpffs, of the fast lane */
export function chooseAttachments(folder: string, asked: 'auto' | Attachments['way']): Result<Choice> {
  const hasTcx = hasDeviceHook(ATTACH.TCX_INGRESS)
  if (asked === 'tcx' && !hasTcx)
    return fault(
      'fast-lane',
      'config key fastLane.attach',
      'tcx',
      'a kernel without it (tcx needs Linux 6.6)',
      'say auto or clsact; until then all traffic takes the plain lane',
    )
  const open = {
    tcx: () => linkAttachments(join(folder, 'links')),
    clsact: () => clsactAttachments(join(folder, 'clsact')),
  }
  const [chosen, other] = asked === 'clsact' || !hasTcx ? [open.clsact, open.tcx] : [open.tcx, open.clsact]
  return ok({ attachments: chosen(), dropFormer: once(() => detachAll(other())) })
}

/** Takes off whatever a former run attached, either way: nobody would keep its maps right. */
export function detachFormer(folder: string): void {
  if (!existsSync(folder)) return
  detachAll(linkAttachments(join(folder, 'links')))
  detachAll(clsactAttachments(join(folder, 'clsact')))
}

function detachAll(former: Attachments): string[] {
  const devices = former.devices()
  for (const name of devices) former.detach(name)
  former.close()
  return devices
}

/** A kernel's leftovers are looked for once a run. */
function once(work: () => string[]): () => string[] {
  let isDone = false
  return () => {
    if (isDone) return []
    isDone = true
    return work()
  }
}
