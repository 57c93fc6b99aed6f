import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AddRequest } from './network.ts'
import { callVerb, configOf, podVariables, type Variables } from './testing/calls.ts'
import { memoryNetwork } from './testing/memory_network.ts'

async function addWith(runtimeConfig: object, more: object = {}, variables: Variables = {}) {
  const network = memoryNetwork()
  const config = configOf('1.0.0', { runtimeConfig, ...more })
  const reply = await callVerb(network, { ...podVariables('ADD'), ...variables }, config)
  const request: AddRequest | undefined = [...network.attachments.values()][0]?.request
  return { ...reply, request }
}

test('portMappings: protocol and host address are optional, host port 0 asks for nothing, twins are one', async () => {
  const portMappings = [
    { hostPort: 8080, containerPort: 80 },
    { hostPort: 8080, containerPort: 80, protocol: 'TCP', hostIP: '' },
    { hostPort: 53, containerPort: 53, protocol: 'UDP', hostIP: '127.0.0.1' },
    { hostPort: 0, containerPort: 9 },
  ]
  assert.deepEqual((await addWith({ portMappings })).request?.hostPorts, [
    { hostPort: 8080, containerPort: 80, protocol: 'tcp', hostIp: undefined },
    { hostPort: 53, containerPort: 53, protocol: 'udp', hostIp: '127.0.0.1' },
  ])
})

test('a port mapping that cannot be is code 7', async () => {
  const bad = [
    [{ hostPort: 70_000, containerPort: 80 }],
    [{ hostPort: 80 }],
    [{ hostPort: 80, containerPort: 80, protocol: 'icmp' }],
    [{ hostPort: 80, containerPort: 80, hostIP: 'localhost' }],
    [
      { hostPort: 80, containerPort: 80 },
      { hostPort: 80, containerPort: 81 },
    ],
    { hostPort: 80, containerPort: 80 },
  ]
  for (const portMappings of bad) assert.equal((await addWith({ portMappings })).json.code, 7)
})

test('bandwidth: what is not said is 0, and no rate at all is no limit', async () => {
  const asked = await addWith({ bandwidth: { ingressRate: 1_000_000, ingressBurst: 2 ** 31 - 1 } })
  assert.deepEqual(asked.request?.bandwidth, {
    ingressRate: 1_000_000,
    ingressBurst: 2 ** 31 - 1,
    egressRate: 0,
    egressBurst: 0,
  })
  assert.equal((await addWith({ bandwidth: { ingressBurst: 5 } })).request?.bandwidth, undefined)
  assert.equal((await addWith({ bandwidth: { ingressRate: -1 } })).json.code, 7)
})

test('ips: from runtimeConfig before args.cni before CNI_ARGS, one of each family', async () => {
  const args = { args: { cni: { ips: ['10.244.1.8/24'] } } }
  const variables = { CNI_ARGS: 'IP=10.244.1.9' }
  const ips = async (...given: Parameters<typeof addWith>) => (await addWith(...given)).request?.ips
  assert.deepEqual(await ips({ ips: ['10.244.1.7', 'FD00:1::7/64'] }, args, variables), [
    '10.244.1.7',
    'fd00:1::7',
  ])
  assert.deepEqual(await ips({ ips: [] }, args, variables), ['10.244.1.8'])
  assert.deepEqual(await ips({}, {}, variables), ['10.244.1.9'])
  assert.equal((await addWith({ ips: ['10.244.1.7', '10.244.1.8'] })).json.code, 2)
  assert.equal((await addWith({ ips: ['x'] })).json.code, 7)
})

test('mac: honoured if it is a unicast address', async () => {
  assert.equal((await addWith({ mac: 'C2-11-22-33-44-55' })).request?.mac, 'c2:11:22:33:44:55')
  for (const mac of ['01:00:5e:00:00:01', '00:00:00:00:00:00', 'x', 5])
    assert.equal((await addWith({ mac })).json.code, 7)
})

test('dns: the runtime’s servers and searches go before the config’s, into the result', async () => {
  const configured = { dns: { nameservers: ['1.1.1.1'], options: ['ndots:2'] } }
  const { json } = await addWith({ dns: { servers: ['10.96.0.10'], searches: ['svc'] } }, configured)
  assert.deepEqual(json.dns, { nameservers: ['10.96.0.10'], search: ['svc'], options: ['ndots:2'] })
})

test('what is not honoured is refused with key and value', async () => {
  const refused = {
    ipRanges: [[{ subnet: '10.1.2.0/24' }]],
    aliases: ['db'],
    cgroupPath: '/kubepods',
    deviceID: '0000:04:00.5',
    infinibandGUID: 'c2:11:22:33:44:55:66:77',
    novel: 1,
  }
  for (const [key, value] of Object.entries(refused)) {
    const { json, request } = await addWith({ [key]: value })
    assert.equal(json.code, 2)
    const text = JSON.stringify(value).replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')
    assert.match(String(json.msg), new RegExp(`runtimeConfig\\.${key} ${text}`))
    assert.equal(request, undefined)
  }
})

test('an empty capability asks for nothing', async () => {
  const empty = { ipRanges: [[]], aliases: [], cgroupPath: '', deviceID: null, portMappings: null, mac: '' }
  assert.equal((await addWith(empty)).exitCode, 0)
})

test('DEL goes through with capabilities that ADD would refuse', async () => {
  const config = configOf('1.0.0', { runtimeConfig: { deviceID: 'x' }, prevResult: 'nonsense' })
  assert.equal((await callVerb(memoryNetwork(), podVariables('DEL'), config)).exitCode, 0)
})
