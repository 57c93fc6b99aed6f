// A clock on one processor that runs a BPF program at every tick (perf_event_open(2), linux/perf_event.h): the software
// event cpu-clock, a timer. It does not tick while interrupts are off; what was due is found when they are on again.

import { fault, ok, type Result } from '../base/result.ts'
import { closeFd } from './bpf/command.ts'
import { EACCES, EPERM, errnoName } from './errno.ts'
import { call } from './syscalls.ts'

const ATTR_BYTES = 112
const TYPE_SOFTWARE = 1
const COUNT_CPU_CLOCK = 0
const F_FREQUENCY = 1 << 10
const FD_CLOEXEC = 8
const SET_BPF = 0x40042408
const ALL_PROCESSES = -1
const NO_GROUP = -1

export class PerfClock {
  readonly #fd: number

  constructor(fd: number) {
    this.#fd = fd
  }

  /** The program is run no more. */
  close(): void {
    closeFd(this.#fd)
  }
}

/** @param hz ticks a second, idle or not; fixed, at most kernel.perf_event_max_sample_rate */
export function startClock(cpu: number, hz: number, programFd: number): Result<PerfClock> {
  const attr = Buffer.alloc(ATTR_BYTES)
  attr.writeUInt32LE(TYPE_SOFTWARE, 0)
  attr.writeUInt32LE(ATTR_BYTES, 4)
  attr.writeBigUInt64LE(BigInt(COUNT_CPU_CLOCK), 8)
  attr.writeBigUInt64LE(BigInt(hz), 16)
  attr.writeBigUInt64LE(BigInt(F_FREQUENCY), 40)
  const fd = call('perf_event_open', attr, ALL_PROCESSES, cpu, NO_GROUP, FD_CLOEXEC)
  if (fd < 0) return refused(cpu, hz, -fd, nextFor(-fd))
  const set = call('ioctl', fd, SET_BPF, programFd)
  if (set >= 0) return ok(new PerfClock(fd))
  closeFd(fd)
  return refused(cpu, hz, -set, 'a perf event takes a BPF program since Linux 4.9, with CAP_PERFMON')
}

const refused = (cpu: number, hz: number, errno: number, next: string) =>
  fault('perf', `cpu-clock of processor ${cpu}`, `${hz} ticks a second`, errnoName(errno), next)

const nextFor = (errno: number): string =>
  errno === EPERM || errno === EACCES
    ? 'see kernel.perf_event_paranoid, CAP_PERFMON and the seccomp profile'
    : 'see kernel.perf_event_max_sample_rate'
