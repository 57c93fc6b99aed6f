import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { type TestContext, test } from 'node:test'
import { testNamespace } from '../../../test/namespaces.ts'
import { type Ip, parseIp } from '../../base/ip.ts'
import { must } from '../../base/result.ts'
import { NETLINK_NETFILTER, NetlinkSocket } from '../netlink/socket.ts'
import { removeFlows, removeFlowsToPort } from './conntrack.ts'

const UDP = 17
const ip = (t: string): Ip => must(parseIp(t))

/** A host that tracks connections, with one UDP flow to each `address/port`. */
function flows(t: TestContext, ...targets: readonly string[]) {
  const ns = testNamespace(t)
  const run = (...argv: string[]): string =>
    execFileSync('nsenter', [`--net=${ns.path}`, ...argv], { encoding: 'utf8', stdio: 'pipe' })
  run('ip', 'link', 'set', 'lo', 'up')
  for (const own of ['fd00::8/128', 'fd00::9/128']) run('ip', 'addr', 'add', own, 'dev', 'lo', 'nodad')
  run(
    'nft',
    'add table inet t; add chain inet t c { type filter hook input priority 0; }; add rule inet t c ct state new',
  )
  for (const target of targets) run('bash', '-c', `echo > /dev/udp/${target}`)
  const socket = ns.inside(() => new NetlinkSocket(NETLINK_NETFILTER))
  t.after(() => socket.close())
  const left = (): string[] => {
    const lines = ['ipv4', 'ipv6'].flatMap((f) => run('conntrack', '-L', '-f', f, '-p', 'udp').split('\n'))
    return lines.flatMap((l) => /dst=(\S+) sport=\d+ dport=(\d+)/.exec(l)?.slice(1, 3).join('/') ?? []).sort()
  }
  return { left, socket }
}

for (const [own, others] of [
  ['127.0.0.5', ['127.0.0.6', 'fd00::8', 'fd00::9']],
  ['fd00::8', ['127.0.0.5', '127.0.0.6', 'fd00::9']],
] as const)
  test(`flows that ${own} began or that lead to it go, all others stay`, (t) => {
    const { left, socket } = flows(t, ...[own, ...others].map((a) => `${a}/7001`))
    assert.equal(left().length, 4)
    removeFlows(socket, [ip(own)])
    assert.deepEqual(left(), others.map((a) => `${a}/7001`).sort())
  })

test('flows that an address only began go too, and an address without flows removes none', (t) => {
  const { left, socket } = flows(t, '127.0.0.5/7001', 'fd00::9/7001')
  removeFlows(socket, [ip('10.9.9.9'), ip('fd00::99')])
  assert.deepEqual(left(), ['127.0.0.5/7001', 'fd00::9/7001'])
  removeFlows(socket, [ip('127.0.0.1'), ip('fd00::9')])
  assert.deepEqual(left(), [])
})

test('flows to a port of one family go, those to other ports and of the other family stay', (t) => {
  const { left, socket } = flows(t, '127.0.0.5/7001', '127.0.0.6/7001', '127.0.0.5/7002', 'fd00::9/7001')
  removeFlowsToPort(socket, 4, UDP, 7001)
  assert.deepEqual(left(), ['127.0.0.5/7002', 'fd00::9/7001'])
  removeFlowsToPort(socket, 6, UDP, 7001)
  assert.deepEqual(left(), ['127.0.0.5/7002'])
})
