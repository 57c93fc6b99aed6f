// Which colour each stage has, by family: what encapsulation costs is blue, the kernel's stack warm, ours green, the
// socket violet. Within a family stages are told apart by their order and by the thin line between them.

/** In the order of a received packet's way; the number is that of the colour in the style sheet. */
export const STAGE_COLOURS: Readonly<Record<string, string>> = {
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

export const stageColour = (stage: string): string => STAGE_COLOURS[stage] ?? '#9a9a94'

/** The known ones in their order, then whatever a newer agent names. */
export function inOrder<T extends { readonly stage: string }>(stages: readonly T[]): readonly T[] {
  const order = Object.keys(STAGE_COLOURS)
  const place = ({ stage }: T): number => (order.includes(stage) ? order.indexOf(stage) : order.length)
  return stages.toSorted((a, b) => place(a) - place(b))
}
