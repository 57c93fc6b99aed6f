import assert from 'node:assert/strict'
import { completesChecksums } from '../../src/kernel/ethtool.ts'
import { becomes, kernelDump } from '../agent/dump.ts'
import { until } from '../agent/until.ts'
import { families, type Pod } from '../fast_lane/cluster.ts'
import { onEveryLane, paths } from '../fast_lane/lanes.ts'
import { run } from '../guard/cluster.ts'
import { healthy, PROVEN, type SickCluster, sickCluster, tell, tellWell } from './sick_cluster.ts'
import { transfer } from './transfer.ts'

const stateOf = ({ nodes }: SickCluster) => nodes[0].bench.status()
const peerOf = async (cluster: SickCluster) => (await stateOf(cluster)).peers[0]
const complaintsOf = async (cluster: SickCluster) =>
  (await stateOf(cluster)).complaints.filter((c) => c.object.startsWith('path to n2'))

async function suffers(from: Pod, to: Pod): Promise<void> {
  for (const v of families) assert.equal(await transfer(from, to, v, 700), undefined, `IPv${v} suffers`)
}

async function works(from: Pod, to: Pod): Promise<void> {
  for (const v of families) {
    const hasArrived = async () => (await transfer(from, to, v)) !== undefined
    await until(`a transfer by IPv${v} works again`, hasArrived)
  }
}

/** Pods, and what the kernel holds of both nodes while nothing is wrong. */
async function withPods(cluster: SickCluster) {
  const [a, b] = cluster.nodes
  const pods = { one: await a.pod('one'), two: await b.pod('two') }
  await works(pods.one, pods.two)
  await Promise.all([a.bench.settled(), b.bench.settled()])
  const before = [a, b].map((n) => kernelDump(n.ns))
  const isAsBefore = async () => {
    for (const [i, node] of [a, b].entries()) await becomes(node.ns, before[i] ?? '')
  }
  return { ...pods, isAsBefore }
}

onEveryLane(
  'a path that swallows large packets gets a smaller MTU until it carries them',
  async (t, setting) => {
    const { path } = setting
    const cluster = await sickCluster(t, setting)
    const { one, two, isAsBefore } = await withPods(cluster)
    const largestBytes = path === 'direct' ? 1400 : 1400 + 50
    cluster.lay({ fault: { kind: 'mtu', largestBytes }, paths })
    await suffers(one, two)
    const sick = { ...healthy(path), large: 'unknown', trueMtuBytes: 1400 } as const
    await tell(cluster.nodes, { first: sick, second: sick })
    await works(one, two)
    const peer = await peerOf(cluster)
    assert.equal(peer?.mtuBytes, 1400)
    assert.match(peer?.why ?? '', /worked around: MTU 1400/)
    assert.equal(peer?.lane?.lane, setting.lane)
    assert.match((await complaintsOf(cluster))[0]?.found ?? '', /above 1400 bytes vanish/)
    cluster.lift()
    tellWell(cluster.nodes, path)
    await isAsBefore()
    assert.deepEqual(await complaintsOf(cluster), [])
    await works(one, two)
  },
)

onEveryLane('where a device spoils the checksums left to it the stack makes them', async (t, setting) => {
  const { path } = setting
  const cluster = await sickCluster(t, setting)
  const { one, two, isAsBefore } = await withPods(cluster)
  const [a] = cluster.nodes
  cluster.lay({ fault: { kind: 'checksum' }, paths })
  await suffers(one, two)
  const sick = { ...healthy(path), checksum: 'broken' } as const
  // Both directions take the tunnel where a direct path is sick: the other end needs a tunnel's end too.
  const told = { first: sick, second: sick }
  if (path === 'direct') await tell(cluster.nodes, { ...told, both: healthy('vxlan') }, PROVEN)
  else await tell(cluster.nodes, told)
  await works(one, two)
  assert.equal(
    a.ns.inside(() => completesChecksums('podlane-vxlan')),
    false,
  )
  run(a.ns, 'ethtool', '-K', 'podlane-vxlan', 'tx', 'on')
  const isBack = () => a.ns.inside(() => completesChecksums('podlane-vxlan') === false)
  await until('what another hand has switched is switched back', isBack)
  const peer = await peerOf(cluster)
  assert.equal(peer?.path, 'vxlan')
  assert.equal(peer?.lane?.lane, 'plain')
  assert.match(peer?.why ?? '', /worked around: .*checksums by the stack/)
  assert.match((await complaintsOf(cluster))[0]?.found ?? '', /arrive with a wrong one/)
  cluster.lift()
  tellWell(cluster.nodes, path)
  await isAsBefore()
  assert.equal(
    a.ns.inside(() => completesChecksums('podlane-vxlan')),
    path === 'vxlan' ? true : undefined,
  )
  assert.equal((await peerOf(cluster))?.lane?.lane, setting.lane)
  await works(one, two)
})

onEveryLane(
  'a direct path that carries in one direction is left for the tunnel',
  async (t, setting) => {
    const { path } = setting
    const cluster = await sickCluster(t, setting)
    const { one, two, isAsBefore } = await withPods(cluster)
    cluster.lay({ fault: { kind: 'oneway' }, paths: [path] })
    await suffers(one, two)
    const first = { ...healthy(path), reach: 'in-only' } as const
    const second = { ...healthy(path), reach: 'out-only' } as const
    await tell(cluster.nodes, { first, second, both: healthy('vxlan') }, PROVEN)
    await works(one, two)
    const peer = await peerOf(cluster)
    assert.equal(peer?.path, 'vxlan')
    assert.match(peer?.why ?? '', /VXLAN instead/)
    assert.match((await complaintsOf(cluster))[0]?.found ?? '', /does not hear this node/)
    cluster.lift()
    tellWell(cluster.nodes, path)
    await isAsBefore()
    await works(one, two)
  },
  ['direct'],
)

onEveryLane(
  'a tunnel that pathMode asks for is not left, sick or not',
  async (t, setting) => {
    const cluster = await sickCluster(t, setting)
    const { isAsBefore } = await withPods(cluster)
    const sick = { ...healthy('vxlan'), reach: 'in-only' } as const
    await tell(cluster.nodes, { first: sick, both: healthy('direct') }, PROVEN)
    await until('it is named', async () => (await complaintsOf(cluster)).length === 1)
    assert.match((await complaintsOf(cluster))[0]?.next ?? '', /no other path has been seen to carry/)
    await isAsBefore()
    assert.equal((await peerOf(cluster))?.path, 'vxlan')
  },
  ['vxlan'],
)

onEveryLane('where both kinds are sick the usual one stays, and is named', async (t, setting) => {
  const cluster = await sickCluster(t, setting)
  const { isAsBefore } = await withPods(cluster)
  const silent = (kind: 'direct' | 'vxlan') => ({ ...healthy(kind), reach: 'none' }) as const
  const [one] = cluster.nodes
  await tell(cluster.nodes, { first: silent('direct'), both: silent('vxlan') }, PROVEN)
  await until('it is named', async () => (await complaintsOf(cluster)).length === 1)
  await one.bench.settled()
  assert.match((await complaintsOf(cluster))[0]?.next ?? '', /no other path has been seen to carry/)
  assert.equal((await peerOf(cluster))?.path, setting.path)
  tellWell(cluster.nodes, 'direct')
  tellWell(cluster.nodes, 'vxlan')
  await isAsBefore()
})

onEveryLane(
  'what an operator has set on the tunnel device stays when a cure ends',
  async (t, setting) => {
    const cluster = await sickCluster(t, setting)
    const [a] = cluster.nodes
    run(a.ns, 'ethtool', '-K', 'podlane-vxlan', 'tx', 'off')
    await tell(cluster.nodes, { first: { ...healthy('vxlan'), checksum: 'broken' } })
    await until('it is worked around', async () => /by the stack/.test((await peerOf(cluster))?.why ?? ''))
    tellWell(cluster.nodes, 'vxlan')
    await until('the cure is over', async () => !/by the stack/.test((await peerOf(cluster))?.why ?? ''))
    assert.equal(
      a.ns.inside(() => completesChecksums('podlane-vxlan')),
      false,
    )
  },
  ['vxlan'],
)
