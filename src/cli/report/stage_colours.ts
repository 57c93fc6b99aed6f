// Which colour each stage has, by family: what encapsulation costs is blue, the kernel's stack warm, ours green, the
// socket violet. Within a family stages are told apart by their order and by the thin line between them.

import { STAGES, type Stage } from '../../schema/stages.ts'

export const STAGE_COLOURS: Readonly<Record<Stage, string>> = {
  driver: '#6b7a8f',
  gro: '#8b99ab',
  bridge: '#7a3b2e',
  netfilter: '#b0413e',
  conntrack: '#cf6a4c',
  routing: '#d99a4e',
  encapsulation: '#1d4e89',
  decapsulation: '#5b8cc0',
  veth: '#b58a1b',
  ebpf: '#0b6e4f',
  transmit: '#3aa17e',
  socket: '#6a4c93',
  copy: '#9b7fc0',
  encryption: '#a23b72',
  softirq: '#4f5d4a',
  other: '#9a9a94',
}

export function inOrder<T extends { readonly stage: Stage }>(stages: readonly T[]): readonly T[] {
  return stages.toSorted((a, b) => STAGES.indexOf(a.stage) - STAGES.indexOf(b.stage))
}
