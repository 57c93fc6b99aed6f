// The parts into which the handling of a packet is split, in the order in which a received packet meets them.

export const STAGES = [
  'driver',
  'gro',
  'bridge',
  'netfilter',
  'conntrack',
  'routing',
  'encapsulation',
  'decapsulation',
  'veth',
  'ebpf',
  'transmit',
  'socket',
  'copy',
  'encryption',
  'softirq',
  'other',
] as const
export type Stage = (typeof STAGES)[number]

/** What it is, for who reads a report. */
export const STAGE_WORDS: Readonly<Record<Stage, string>> = {
  driver: 'driver and receive',
  gro: 'GRO',
  bridge: 'bridge',
  netfilter: 'netfilter hooks',
  conntrack: 'connection tracking',
  routing: 'routing and IP',
  encapsulation: 'tunnel encapsulation',
  decapsulation: 'tunnel decapsulation',
  veth: 'veth crossing',
  ebpf: 'eBPF programs',
  transmit: 'queues and transmit',
  socket: 'socket, TCP and UDP',
  copy: 'copy to and from user',
  encryption: 'encryption',
  softirq: 'softirq bookkeeping',
  other: 'other',
}
