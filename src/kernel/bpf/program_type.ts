// What a section's name says of the programs in it: libbpf's names, the kernel's numbers (enum bpf_prog_type,
// bpf_attach_type).

import { ATTACH } from './link.ts'

export const PROGRAM = { SCHED_CLS: 3, PERF_EVENT: 7, SOCK_OPS: 13, SK_MSG: 16, SYSCALL: 31 } as const
const F_SLEEPABLE = 1 << 4

export type ProgramType = { readonly type: number; readonly attachType: number; readonly flags: number }

const classifier = (attachType: number): ProgramType => ({ type: PROGRAM.SCHED_CLS, attachType, flags: 0 })

const bySection: Readonly<Record<string, ProgramType>> = {
  tc: classifier(0),
  'tcx/ingress': classifier(ATTACH.TCX_INGRESS),
  'tcx/egress': classifier(ATTACH.TCX_EGRESS),
  'netkit/primary': classifier(ATTACH.NETKIT_PRIMARY),
  'netkit/peer': classifier(ATTACH.NETKIT_PEER),
  sockops: { type: PROGRAM.SOCK_OPS, attachType: ATTACH.CGROUP_SOCK_OPS, flags: 0 },
  sk_msg: { type: PROGRAM.SK_MSG, attachType: ATTACH.SK_MSG_VERDICT, flags: 0 },
  perf_event: { type: PROGRAM.PERF_EVENT, attachType: 0, flags: 0 },
  syscall: { type: PROGRAM.SYSCALL, attachType: 0, flags: F_SLEEPABLE },
}

export const programTypeOf = (section: string): ProgramType | undefined => bySection[section]
export const sectionNames = (): string[] => Object.keys(bySection)
