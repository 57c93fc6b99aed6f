// A cluster of two nodes whose wire can be broken, and what a prober would tell their agents of it.

import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Cidr, parseCidr } from '../../src/base/cidr.ts'
import { must } from '../../src/base/result.ts'
import { setCompletesChecksums } from '../../src/kernel/ethtool.ts'
import { type LaidFault, layFault, liftFault } from '../../src/lab/faults/wire.ts'
import type { PathHealth } from '../../src/plan/path_health.ts'
import { type ClusterSetting, type FastCluster, fastCluster, type Node } from '../fast_lane/cluster.ts'
import { linkOf } from '../guard/cluster.ts'

export type SickCluster = FastCluster & {
  /** What the first node sends to the second meets this from now on; of some faults also what comes back. */
  readonly lay: (fault: Omit<LaidFault, 'peers'>) => void
  readonly lift: () => void
}

const nodesCidrs = (n: number): Cidr[] =>
  [`192.0.2.${n}/32`, `2001:db8::${n}/128`, `10.244.${n}.0/24`, `fd00:${n}::/64`].map((c) =>
    must(parseCidr(c)),
  )

/**
 * On one segment `auto` means direct, and leaves the tunnel as another way.
 * @param isToldOnly nobody probes: the test says what is found
 */
export async function sickCluster(
  t: TestContext,
  setting: ClusterSetting,
  isToldOnly = true,
): Promise<SickCluster> {
  process.env.PODLANE_TEST_HEALTH = '1'
  const auto = setting.path === 'direct' ? { pathMode: 'auto' } : {}
  const cluster = await fastCluster(t, {
    ...setting,
    // Short, and still a time: in the end the device goes by itself.
    config: { ...auto, vxlan: { lingerSeconds: 1 }, probes: isToldOnly ? 'off' : {}, ...setting.config },
  })
  const { segment } = cluster
  const port = linkOf(segment, 'p1').index
  // The switch stands for the sender's device, which completes what was left to it.
  segment.inside(() => setCompletesChecksums('p2', false))
  return {
    ...cluster,
    lay: (fault) => must(layFault(segment.route, port, { ...fault, peers: nodesCidrs(2) })),
    lift: () => must(liftFault(segment.route, port)),
  }
}

type Health = Omit<PathHealth, 'peer'>
/** Of the first node's agent the one, of the second's the other. */
export type Told = { readonly first: Health; readonly second?: Health; readonly both?: Health }

const well = { reach: 'both', checksum: 'ok', large: 'ok' } as const
export const healthy = (kind: PathHealth['kind']): Health => ({ kind, ...well, trueMtuBytes: 1500 })

/** As often as it takes to be believed, and as far apart. */
export async function tell([one, two]: SickCluster['nodes'], told: Told, times = 2): Promise<void> {
  const to = (node: Node, peer: string, own: Health | undefined): void =>
    say(
      node,
      [own, told.both].flatMap((h) => (h ? [{ peer, ...h }] : [])),
    )
  for (let i = 0; i < times; i++) {
    if (i > 0) await sleep(450)
    to(one, 'n2', told.first)
    to(two, 'n1', told.second)
  }
}

/** Until another path is believed in too. */
export const PROVEN = 7

/** Well at once and an hour later, by a clock that need not wait. */
export function tellWell(nodes: SickCluster['nodes'], kind: PathHealth['kind']): void {
  for (const laterMs of [0, 3_600_000])
    for (const [i, node] of nodes.entries())
      say(node, [{ peer: i === 0 ? 'n2' : 'n1', ...healthy(kind) }], laterMs)
}

const say = (node: Node, health: readonly PathHealth[], laterMs = 0): void =>
  node.bench.agent.tell(JSON.stringify({ health, laterMs }))
