import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import type { AgentStatus } from '../src/schema/agent_status.ts'

const entry = join(import.meta.dirname, '../src/cli/main.ts')
const run = (...args: readonly string[]) =>
  spawnSync(process.execPath, [entry, ...args], {
    encoding: 'utf8',
    env: { ...process.env, PODLANE_LAB: 'none' },
  })

test('every command helps with examples', () => {
  const commands = [
    'agent',
    'status',
    'lane',
    'profile',
    'explain',
    'report',
    'config',
    'install-cni',
    'uninstall-cni',
    'demo',
    'version',
    'lab',
  ]
  const lab = ['up', 'status', 'check', 'explain', 'exec', 'fault', 'kubeconfig', 'down'].map((c) => [
    'lab',
    c,
  ])
  for (const command of [...commands.map((c) => [c]), ...lab]) {
    const { stdout, status } = run(...command, '--help')
    assert.equal(status, 0, command.join(' '))
    assert.match(stdout, /Examples:\n {2}(KUBECONFIG=\$\()?podlane /, command.join(' '))
  }
})

test('wrong usage ends with 2, a failure with 1 and its fault in one line', () => {
  assert.equal(run('nonsense').status, 2)
  assert.equal(run('lab', 'up', '--nodes', 'many').status, 2)
  assert.equal(run('lab', 'up', '--nodes', '0').status, 2)
  assert.equal(run('lab', 'up', '--ipv6', '--dual').status, 2)
  assert.equal(run('lab', 'up', '--lane', 'slow').status, 2)
  assert.equal(run('lab', 'fault', 'fire', 'node1').status, 2)
  assert.equal(run('lab', 'fault', 'mtu').status, 2)
  assert.equal(run('lane', 'slow').status, 2)
  assert.equal(run('profile', '--for', 'soon').status, 2)
  assert.equal(run('explain', 'a').status, 2)
  assert.equal(run('explain', 'a', 'b', '--bytes', 'many').status, 2)
  assert.match(run('lab', 'explain', 'a', 'b').stderr, /one that is up, found none; run «podlane lab up»/)
  assert.equal(run('report', '--for', 'a while').status, 2)
  const { status, stderr, stdout } = run('status', '--socket', '/nowhere.sock')
  assert.equal(status, 1)
  assert.equal(stdout, '')
  assert.match(
    stderr,
    /^podlane: GET \/status at \/nowhere.sock: wanted an answer, found .*ENOENT.*; start «podlane agent».*\n$/,
  )
  assert.match(run('lab', 'check').stderr, /wanted one that is up, found none; run «podlane lab up»/)
})

test('config prints what a file means with every default, and names a wrong key', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'podlane-cli-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'config.yaml')
  writeFileSync(file, 'pathMode: vxlan\n')
  assert.match(run('config', '--config', file).stdout, /pathMode: vxlan[\s\S]*coolDownSeconds: 30/)
  assert.equal(JSON.parse(run('config', '--config', file, '--json').stdout).vxlan.port, 4789)
  writeFileSync(file, 'pathMod: vxlan\n')
  const { status, stderr } = run('config', '--config', file)
  assert.equal(status, 1)
  assert.match(stderr, /pathMod.*pathMode/)
})

test('install-cni puts everything in place, says what must be read again, and uninstall-cni takes it away', (t) => {
  const root = mkdtempSync(join(tmpdir(), 'podlane-cli-'))
  t.after(() => rmSync(root, { recursive: true }))
  for (const folder of ['etc/NetworkManager', 'run/NetworkManager'])
    mkdirSync(join(root, folder), { recursive: true })
  const folders = ['--bin-dir', join(root, 'bin'), '--conf-dir', join(root, 'net.d'), '--host-root', root]
  const files = ['bin/podlane', 'net.d/00-podlane.conflist', 'etc/NetworkManager/conf.d/10-podlane.conf']
  assert.equal(
    run('install-cni', ...folders).stdout,
    `${files.map((f) => `${join(root, f)} written\n`).join('')}to take effect: systemctl reload NetworkManager\n`,
  )
  assert.equal(run('install-cni', ...folders).stdout, 'Nothing had to change.\n')
  assert.equal(JSON.parse(run('uninstall-cni', ...folders, '--json').stdout).changed.length, 3)
})

const count = (packets: number, bytes: number) => ({ packets, bytes })
const fastLane: NonNullable<AgentStatus['fastLane']> = {
  ...{ state: 'on', attached: 'tcx', lane: 'fast', why: '' },
  here: {
    sent: { fast: count(1200, 1_536_000), plain: count(3, 252) },
    received: { fast: count(0, 0), plain: count(0, 0) },
  },
  flows: { ...{ entries: 1311, most: 131_072, pressurePercent: 1 }, waiting: 7, mostWaiting: 16_384 },
  reasons: [
    { name: 'reason_fragment', why: 'a fragment', packets: 4 },
    { name: 'reason_ttl', why: 'its time to live ends here', packets: 0 },
  ],
  hostRules: [{ where: 'chain FORWARD of table ip filter', rules: 3 }],
}

const agentStatus: AgentStatus = {
  version: '0.1.0',
  nodeName: 'node1',
  startedAt: '2030-01-01T00:00:00.000Z',
  source: { kind: 'kubernetes', synced: true, message: 'API server https://10.0.0.1:6443' },
  ready: { state: 'not-ready', why: 'no addresses left', next: 'delete pods' },
  uplink: { name: 'eth0', mtuBytes: 1500, addresses: ['10.0.0.11/24'] },
  ranges: [
    { cidr: '10.244.0.0/24', used: 1, free: 252, coolingDown: 1 },
    { cidr: 'fd00::/64', used: 1, free: 2 ** 64, coolingDown: 0 },
  ],
  pods: [
    {
      ...{ containerId: 'c'.repeat(64), ifName: 'eth0', uid: 'u', namespace: 'default', name: 'web' },
      ...{ addresses: ['10.244.0.2'], hostInterface: 'podl0123456789a', hostPorts: ['8080/tcp → 80'] },
    },
  ],
  peers: [
    {
      ...{ name: 'node2', address: '10.0.0.12', podCidrs: ['10.244.1.0/24'] },
      ...{ path: 'vxlan', why: '10.0.0.12 is on another segment', mtuBytes: 1450 },
      lane: {
        ...{ lane: 'plain', why: 'asked for by «podlane lane plain --peer node2»' },
        sent: { fast: count(90, 7560), plain: count(0, 0) },
        received: { fast: count(88, 7392), plain: count(2, 168) },
      },
    },
  ],
  complaints: [
    { object: 'chain FORWARD', wanted: 'ACCEPT', found: 'DROP', next: 'iptables -P FORWARD ACCEPT' },
  ],
  fastLane,
  features: { vxlan: 'yes' },
  podMtuBytes: 1450,
}

test('status shows what the agent says, the cure beside what is wrong', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'podlane-cli-'))
  const socket = join(folder, 'agent.sock')
  const server = createServer((_, response) => response.end(JSON.stringify(agentStatus)))
  await new Promise<void>((resolve) => server.listen(socket, resolve))
  t.after(() => {
    server.close()
    rmSync(folder, { recursive: true })
  })
  // Not waited for in step: the server is in this process.
  const shown = async (...more: readonly string[]): Promise<string> =>
    text(spawn(process.execPath, [entry, 'status', '--socket', socket, ...more]).stdout)
  assert.deepEqual(JSON.parse(await shown('--json')), agentStatus)
  assert.equal(
    await shown(),
    `node    node1, podlane 0.1.0, up since 2030-01-01T00:00:00.000Z
ready   no: no addresses left; delete pods
source  kubernetes, in sync; API server https://10.0.0.1:6443
uplink  eth0, MTU 1500, 10.0.0.11/24
pod MTU 1450

Wrong
! chain FORWARD: wanted ACCEPT, found DROP
  cure: iptables -P FORWARD ACCEPT

Ranges
RANGE          USED  FREE  COOLING
10.244.0.0/24  1     252   1
fd00::/64      1     2^64  0

Peers
NODE   ADDRESS    PODS           PATH   MTU   WHY
node2  10.0.0.12  10.244.1.0/24  vxlan  1450  10.0.0.12 is on another segment

Fast lane
on through tcx; this node’s lane: fast
1311 of 131072 flows in the table (1 %), 7 of 16384 without an answer yet
! forward rules of the host that packets in the fast lane do not meet: 3 of chain FORWARD of table ip filter
  if they are meant for pods: podlane lane plain
TO         LANE   FAST SENT      RECEIVED     PLAIN SENT  RECEIVED   WHY
this node  fast   1200 (1.5 MB)  0            3 (252 B)   0
node2      plain  90 (7.6 kB)    88 (7.4 kB)  0           2 (168 B)  asked for by «podlane lane plain --peer node2»

PACKETS  WHY NOT IN THE FAST LANE  COUNTER
4        a fragment                reason_fragment

Pods
POD          ADDRESS     INTERFACE               HOSTPORTS
default/web  10.244.0.2  eth0 / podl0123456789a  8080/tcp → 80

Kernel
vxlan: yes
`,
  )
})
