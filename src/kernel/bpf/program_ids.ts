// The programs that are loaded on this machine, whosever they are, by their ids. Ids rise: a new program has a higher
// one than all before.

import { Attr, BPF, bpf } from './command.ts'

/** The first id above `after`; undefined: there is none, or we may not ask (CAP_SYS_ADMIN). */
export function nextProgramId(after: number): number | undefined {
  const attr = new Attr(12).u32(0, after)
  return bpf(BPF.PROG_GET_NEXT_ID, attr) < 0 ? undefined : attr.read32(4)
}

/** All ids above `after`. */
export function* programIds(after = 0): Generator<number> {
  for (let id = nextProgramId(after); id !== undefined; id = nextProgramId(id)) yield id
}
