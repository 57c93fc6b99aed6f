import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { readBypass } from './bypass.ts'
import { readTracking } from './connection_tracking.ts'
import { coreLoads, readCores } from './cores.ts'
import { measureLoad } from './load.ts'
import { podRates, readPodProtocols } from './pod_protocols.ts'
import { readUplink, readUplinkDrops } from './uplink_facts.ts'

function folderOf(t: TestContext, files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'podlane-load-'))
  t.after(() => rmSync(folder, { recursive: true }))
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
  return folder
}

test('a core’s time is split as /proc/stat has it, its losses as softnet_stat has them, also where a core is off', (t) => {
  const softnet = (dropped: string, cpu: string): string =>
    `00000001 ${dropped} 00000002 ${'00000000 '.repeat(9)}${cpu} 00000000 00000000`
  const folder = folderOf(t, {
    stat: 'cpu  9 9 9 9 9 9 9 9 0 0\ncpu0 10 0 20 100 0 1 4 5 0 0\ncpu2 0 0 0 50 0 0 0 0 0 0\nintr 1\n',
    later: 'cpu  9 9 9 9 9 9 9 9 0 0\ncpu0 20 0 40 140 0 2 13 15 0 0\ncpu2 0 0 0 140 0 0 0 0 0 0\nintr 1\n',
    softnet: `${softnet('00000000', '00000000')}\n${softnet('00000000', '00000002')}\n`,
    more: `${softnet('00000000', '00000000')}\n${softnet('00000010', '00000002')}\n`,
  })
  const [before, after] = [
    readCores(join(folder, 'stat'), join(folder, 'softnet')),
    readCores(join(folder, 'later'), join(folder, 'more')),
  ]
  const [zero, two] = coreLoads(before, after, 2)
  assert.deepEqual(zero, {
    ...{ cpu: 0, user: 10 / 90, system: 20 / 90, softirq: 10 / 90, steal: 10 / 90, idle: 40 / 90 },
    ...{ dropped: 0, squeezed: 0 },
  })
  assert.deepEqual([two?.cpu, two?.idle, two?.dropped, two?.squeezed], [2, 1, 8, 0])
})

test('what connection tracking refused is summed over cores, by the names of the columns', (t) => {
  const folder = folderOf(t, {
    nf_conntrack_count: '12\n',
    nf_conntrack_max: '100\n',
    stat: 'entries  clashres found insert insert_failed drop early_drop\n0c  00 00 00 00000002 00000001 00000000\n0c  00 00 00 0000000a 00000000 00000001\n',
  })
  const all = readTracking(folder, join(folder, 'stat'))
  assert.deepEqual(all, { entries: 12, most: 100, refused: 14 })
  assert.equal(readTracking(join(folder, 'absent')), undefined)
})

test('an uplink’s queues, steering, driver and functions are those of /sys, and absent where it is another’s', (t) => {
  const folder = folderOf(t, {
    'eth9/address': '02:00:00:00:00:01\n',
    'eth9/queues/rx-0/rps_cpus': '00,00000003\n',
    'eth9/queues/rx-1/rps_cpus': '00,00000000\n',
    'eth9/queues/tx-0/xps_cpus': '0\n',
    'eth9/device/sriov_totalvfs': '8\n',
    dev: 'Inter-|   Receive\n face |bytes\n  eth9: 1 2 0 7 0 0 0 0 3 4 0 9 0 0 0 0\n',
  })
  symlinkSync('../../../bus/pci/drivers/ice', join(folder, 'eth9/device/driver'))
  assert.deepEqual(readUplink('eth9', 1500, folder, '02:00:00:00:00:01'), {
    ...{ name: 'eth9', mtuBytes: 1500, receiveQueues: 2, steering: true, driver: 'ice', virtualFunctions: 8 },
  })
  const another = readUplink('eth9', 1500, folder, '02:00:00:00:00:02')
  assert.deepEqual(another, { name: 'eth9', mtuBytes: 1500 })
  assert.deepEqual(readUplink('eth8', 1500, folder), { name: 'eth8', mtuBytes: 1500 })
  assert.deepEqual(readUplinkDrops('eth9', join(folder, 'dev')), { receiving: 7, sending: 9 })
})

test('RDMA devices and huge pages of all sizes are counted, and none where there are none', (t) => {
  const folder = folderOf(t, {
    'kernel/mm/hugepages/hugepages-2048kB/nr_hugepages': '64\n',
    'kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages': '1\n',
    'class/infiniband/mlx5_0/node_type': '1: CA\n',
  })
  assert.deepEqual(readBypass(folder), { rdmaDevices: ['mlx5_0'], hugePages: 65 })
  assert.deepEqual(readBypass(join(folder, 'absent')), { rdmaDevices: [], hugePages: 0 })
})

test('only pods’ namespaces count, each once, and only those that are in both readings', async (t) => {
  const snmp = (opened: number): string =>
    `Tcp: MaxConn ActiveOpens PassiveOpens\nTcp: -1 ${opened} 1\nUdp: InDatagrams RcvbufErrors\nUdp: 5 2\n`
  const four = (ip: string): string => `  |-- ${ip}\n    /32 host LOCAL\n`
  const folder = folderOf(t, {
    '1/net/snmp': snmp(900),
    '1/net/fib_trie': four('192.0.2.1'),
    '7/net/snmp': snmp(10),
    '7/net/fib_trie': four('10.244.1.2'),
    '9/net/snmp': snmp(30),
    '9/net/if_inet6': 'fd000000000000000000000000000005 02 80 00 80     eth0\n',
  })
  for (const [pid, namespace] of [
    ['1', 1],
    ['7', 7],
    ['8', 7],
    ['9', 9],
  ]) {
    mkdirSync(join(folder, `${pid}/ns`), { recursive: true })
    symlinkSync(`net:[${namespace}]`, join(folder, `${pid}/ns/net`))
  }
  const pods = await readPodProtocols(new Set(['10.244.1.2', 'fd00::5']), folder)
  assert.deepEqual(
    [...(pods ?? [])],
    [
      ['net:[7]', { opened: 11, bufferErrors: 2 }],
      ['net:[9]', { opened: 31, bufferErrors: 2 }],
    ],
  )
  const before = new Map([['net:[7]', { opened: 1, bufferErrors: 0 }]])
  assert.deepEqual(podRates(before, pods ?? new Map(), 2), { connections: 5, bufferErrors: 1 })
  assert.equal(await readPodProtocols(new Set(), folder), undefined)
})

test('of a thousand processes’ namespaces the agent’s own is not looked into, and other work has its turn meanwhile', async (t) => {
  const files = Array.from({ length: 1000 }, (_, i) => [
    `${i + 1}/net/fib_trie`,
    '|-- 192.0.2.1\n   /32 host LOCAL\n',
  ])
  const folder = folderOf(t, Object.fromEntries(files))
  for (const pid of ['self', ...files.keys().map((i) => `${i + 1}`)]) {
    mkdirSync(join(folder, `${pid}/ns`), { recursive: true })
    symlinkSync('net:[1]', join(folder, `${pid}/ns/net`))
  }
  let turns = 0
  const turn = (): void => {
    turns++
    next = setImmediate(turn)
  }
  let next = setImmediate(turn)
  const pods = await readPodProtocols(new Set(['192.0.2.1']), folder)
  clearImmediate(next)
  assert.equal(pods, undefined)
  assert.ok(turns >= 19, `${turns} turns`)
})

test('this machine’s load has shares that add up to 1, points for a fit, and names what it cannot see', async () => {
  const facts = await measureLoad(1, async () => ({
    ...{ uplink: undefined, traffic: [], flows: undefined, podAddresses: new Set<string>() },
  }))
  assert.ok(facts.cores.length > 0)
  for (const c of facts.cores)
    assert.ok(Math.abs(c.user + c.system + c.softirq + c.steal + c.idle - 1) < 1e-9)
  assert.equal(facts.points.length, 2)
  assert.equal(facts.missing.length, 3)
})

test('an interval that is ended leaves nothing to wait for', async () => {
  const end = new AbortController()
  const known = async () => ({
    ...{ uplink: undefined, traffic: [], flows: undefined, podAddresses: new Set<string>() },
  })
  const load = measureLoad(600, known, end.signal)
  setImmediate(() => end.abort())
  await assert.rejects(load, { name: 'AbortError' })
})
