// Room for connections: a full table of flows drops the first packet of every new one, of all pods at once.

import { readFileSync } from 'node:fs'
import type { Fault } from '../base/result.ts'

const FOLDER = '/proc/sys/net/netfilter'
/** From here on a burst fills it. */
const NEARLY_FULL = 0.9

export function readFlowRoom(folder = FOLDER): readonly Fault[] {
  const read = (name: string): number => {
    try {
      return Number(readFileSync(`${folder}/${name}`, 'utf8'))
    } catch {
      // Without connection tracking nothing can fill up.
      return 0
    }
  }
  const [count, most] = [read('nf_conntrack_count'), read('nf_conntrack_max')]
  if (most === 0 || count < most * NEARLY_FULL) return []
  return [
    {
      kind: 'flows-full',
      object: 'connection tracking',
      wanted: 'room for new connections',
      found: `${count} of ${most} entries in use`,
      next: `run: sysctl -w net.netfilter.nf_conntrack_max=${most * 2}, and put it into /etc/sysctl.d`,
    },
  ]
}
