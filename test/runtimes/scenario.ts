// Real containers by real runtimes on two nodes of a pod network, whichever network that is.

import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { type Cell, openCell, type RuntimeNode } from './cell.ts'
import { addChain, type ChainCall, checkChain, deleteChain } from './chain.ts'
import { runCommand, startCommand, waitFor } from './command.ts'
import { openContainerd } from './containerd.ts'
import { buildImage, type Image } from './image.ts'
import { holdNamespaces } from './namespaces.ts'
import { type Conflist, type PodNetworkUnderTest, removeConflist, traces, writeConflist } from './network.ts'
import { openPodman } from './podman.ts'
import { addressOf, type Container, type Runtime } from './runtime.ts'

export const requiredPrograms = [
  'containerd',
  'ctr',
  'iptables',
  'nsenter',
  'podman',
  'runc',
  'unshare',
  '/usr/bin/busybox',
  '/usr/lib/cni/bandwidth',
  '/usr/lib/cni/portmap',
  '/usr/lib/cni/tuning',
]

const port = 8080
/** An HTTP server that answers with this name. */
const server = (name: string, root: string) => [
  'sh',
  '-c',
  `echo ${name} >${root}/name && exec busybox httpd -f -p ${port} -h ${root}`,
]
// Debian's busybox crashes on wget's own timeout.
const fetchName = (address: string, from = port) =>
  `busybox timeout 3 busybox wget -q -O - http://${address}:${from}/name`.split(' ')

/** Asks until there is an answer: a server may still be starting. */
const answerOf = async (ask: () => Promise<string>): Promise<string> => {
  let last: unknown
  const tryOnce = () =>
    ask().catch((fault: unknown) => {
      last = fault
      return undefined
    })
  const answer = await waitFor('an answer', tryOnce).catch(() => undefined)
  if (answer === undefined) throw new Error('no answer', { cause: last })
  return answer.trim()
}

const leavesNothing = async (
  network: PodNetworkUnderTest,
  node: RuntimeNode,
  before: string,
): Promise<void> => {
  let now = ''
  // The link may go a moment after DEL has answered.
  await waitFor(
    'the traces to go',
    async () => {
      now = await traces(node)
      return now === before ? true : undefined
    },
    5_000,
  ).catch(() => assert.equal(now, before))
  assert.deepEqual(await network.addresses(node), [])
}

const setsMac = { mac: true }

/** The MAC is set by the network where it can: tuning's comes too late for one that guards against spoofing. */
const chained = (network: PodNetworkUnderTest, node: RuntimeNode): Conflist => ({
  cniVersion: '1.0.0',
  name: 'chained',
  plugins: [
    ...network.plugins(node).map((p) => (network.honoursMac ? { ...p, capabilities: setsMac } : p)),
    { type: 'portmap', snat: true, capabilities: { portMappings: true } },
    { type: 'bandwidth', ingressRate: 1e8, ingressBurst: 1e7, egressRate: 1e8, egressBurst: 1e7 },
    {
      type: 'tuning',
      mtu: 1400,
      sysctl: { 'net.core.somaxconn': '321' },
      ...(network.honoursMac ? {} : { capabilities: setsMac }),
    },
  ],
})

const assertTuned = async (run: (argv: readonly string[]) => Promise<string>): Promise<string> => {
  assert.equal((await run(['busybox', 'cat', '/proc/sys/net/core/somaxconn'])).trim(), '321')
  const link = await run(['busybox', 'ip', 'link', 'show', 'eth0'])
  assert.match(link, /mtu 1400/)
  return link
}

const countBuckets = async (node: RuntimeNode): Promise<number> =>
  (await runCommand(node.enter(['tc', 'qdisc', 'show'])))
    .split('\n')
    .filter((line) => /^qdisc tbf /.test(line)).length

export const describeRuntimes = (
  title: string,
  skip: string | false,
  openNetwork: () => Promise<PodNetworkUnderTest>,
): void => {
  describe(title, { skip, timeout: 60_000 }, () => {
    const closers: (() => Promise<void>)[] = []
    const opened = <T extends { readonly close: () => Promise<void> }>(thing: T): T => {
      closers.unshift(thing.close)
      return thing
    }
    let network: PodNetworkUnderTest
    let nodes: PodNetworkUnderTest['nodes']
    let runtimes: readonly [Runtime, Runtime]
    let clean: readonly [string, string]

    before(async () => {
      const image: Image = opened(await buildImage())
      network = opened(await openNetwork())
      nodes = network.nodes
      clean = [await traces(nodes[0]), await traces(nodes[1])]
      runtimes = [opened(await openPodman(nodes[0], image)), opened(await openContainerd(nodes[1], image))]
    })
    after(async () => {
      for (const close of closers) await close()
    })

    describe('a container by podman on one node and one by containerd on another', () => {
      let containers: readonly [Container, Container]
      let addresses: readonly [string, string]

      before(async () => {
        const network0 = { network: network.name }
        containers = [
          await runtimes[0].start({ name: 'one', argv: server('one', '/tmp'), ...network0 }),
          await runtimes[1].start({ name: 'two', argv: server('two', '/tmp') }),
        ]
        addresses = [await addressOf(containers[0]), await addressOf(containers[1])]
      })

      it('have the addresses that the network shows', async () => {
        assert.deepEqual(await network.addresses(nodes[0]), [addresses[0]])
        assert.deepEqual(await network.addresses(nodes[1]), [addresses[1]])
      })

      it('reach each other by ICMP', async () => {
        const ping = (to: string) => ['busybox', 'ping', '-c', '1', '-W', '3', to]
        await containers[0].exec(ping(addresses[1]))
        await containers[1].exec(ping(addresses[0]))
      })

      it('reach each other by TCP', async () => {
        assert.equal(await answerOf(() => containers[0].exec(fetchName(addresses[1]))), 'two')
        assert.equal(await answerOf(() => containers[1].exec(fetchName(addresses[0]))), 'one')
      })

      it('leave no address, link or route when they are removed', async () => {
        await Promise.all(containers.map((container) => container.remove()))
        await leavesNothing(network, nodes[0], clean[0])
        await leavesNothing(network, nodes[1], clean[1])
      })
    })

    it('portmap, bandwidth and tuning after it serve `podman run -p`', async () => {
      await writeConflist(nodes[0], '20-chained.conflist', chained(network, nodes[0]))
      const container = await runtimes[0].start({
        name: 'published',
        argv: server('published', '/tmp'),
        network: 'chained',
        publish: [{ hostPort: 8088, containerPort: port }],
      })
      const ask = fetchName(nodes[0].address, 8088)
      assert.equal(await answerOf(() => runCommand(nodes[1].enter(ask))), 'published')
      assert.equal(await answerOf(() => runCommand(nodes[0].enter(ask))), 'published')
      await assertTuned(container.exec)
      assert.equal(await countBuckets(nodes[0]), 2)
      await container.remove()
      await removeConflist(nodes[0], '20-chained.conflist')
      await leavesNothing(network, nodes[0], clean[0])
    })

    it('portmap, bandwidth and tuning after it are added and checked, and deleted in reverse', async () => {
      const cell: Cell = opened(await openCell(nodes[0]))
      const pod = opened(await holdNamespaces(cell.enter, ['net'], 'ip link set lo up'))
      const run = (argv: readonly string[]) => runCommand(pod.enter(argv))
      const mac = '02:00:00:00:00:42'
      const call: ChainCall = {
        cell,
        conflist: chained(network, nodes[0]),
        containerId: 'by-hand',
        netns: `/proc/${pod.pid}/ns/net`,
        runtimeConfig: { mac, portMappings: [{ hostPort: 8089, containerPort: port, protocol: 'tcp' }] },
      }
      const result = await addChain(call)
      const address = result.ips?.[0]?.address.split('/')[0]
      assert.deepEqual(await network.addresses(nodes[0]), [address])
      assert.match(await assertTuned(run), new RegExp(mac))
      assert.equal(await countBuckets(nodes[0]), 2)
      await checkChain(call, result)
      startCommand(pod.enter(server('by-hand', '/run')))
      const ask = fetchName(nodes[0].address, 8089)
      assert.equal(await answerOf(() => runCommand(nodes[1].enter(ask))), 'by-hand')
      await deleteChain(call, result)
      // A runtime may ask again; what is gone is no error.
      await deleteChain(call, result)
      await leavesNothing(network, nodes[0], clean[0])
    })
  })
}
