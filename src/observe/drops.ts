// What our filter has dropped since its tables were made, rule by rule and in words: the first answer to «which rule
// drops this?». Read from the kernel's own counters, without a program.

import { NETLINK_NETFILTER, NetlinkSocket } from '../kernel/netlink/socket.ts'
import { getCounters, parseCounter } from '../kernel/nft/counter.ts'
import { NFT_TABLE } from '../plan/ownership.ts'
import { arpDrops, inetDrops } from '../plan/ruleset.ts'

export type Drop = {
  /** As in `nft list counters`, with the table's family. */
  readonly name: string
  readonly why: string
  readonly packets: number
}

/** Every reason that there is, those that nothing has met included. */
export function readDrops(): readonly Drop[] {
  using socket = new NetlinkSocket(NETLINK_NETFILTER)
  return (
    [
      ['inet', inetDrops],
      ['arp', arpDrops],
    ] as const
  ).flatMap(([family, reasons]) => {
    const counted = new Map(
      socket
        .dump(getCounters(family, NFT_TABLE))
        .flatMap((body) => parseCounter(body) ?? [])
        .map((c) => [c.name, c.packets]),
    )
    return [...reasons].map(([name, why]) => ({
      name: `${family} ${name}`,
      why,
      packets: counted.get(name) ?? 0,
    }))
  })
}
