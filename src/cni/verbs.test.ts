import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fault, ok } from '../base/result.ts'
import { callVerb, configOf, podVariables } from './testing/calls.ts'
import { memoryNetwork } from './testing/memory_network.ts'
import { supportedVersions } from './versions.ts'

const add = podVariables('ADD')
const attachment = { containerID: 'c1', ifname: 'eth0' }

for (const version of supportedVersions) {
  test(`${version}: ADD, CHECK, DEL and DEL again, each as far as the version has it`, async () => {
    const network = memoryNetwork()
    const added = await callVerb(network, add, configOf(version))
    assert.equal(added.exitCode, 0)
    assert.equal(added.json.cniVersion, version)
    assert.equal(network.attachments.size, 1)
    const checked = await callVerb(
      network,
      podVariables('CHECK'),
      configOf(version, { prevResult: added.json }),
    )
    if (version >= '0.4.0') assert.deepEqual([checked.exitCode, checked.stdout], [0, ''])
    else assert.equal(checked.json.code, 1)
    const later = version >= '1.1.0'
    for (const command of ['STATUS', 'GC']) {
      const config = configOf(version, { 'cni.dev/valid-attachments': [attachment] })
      const reply = await callVerb(network, { CNI_COMMAND: command }, config)
      if (later) assert.deepEqual([reply.exitCode, reply.stdout], [0, ''])
      else assert.equal(reply.json.code, 1)
    }
    assert.equal(network.attachments.size, 1)
    for (let times = 0; times < 2; times++) {
      const gone = await callVerb(network, podVariables('DEL'), configOf(version, { prevResult: added.json }))
      assert.deepEqual([gone.exitCode, gone.stdout], [0, ''])
      assert.equal(network.attachments.size, 0)
    }
  })
}

test('the network gets what the runtime said of the pod', async () => {
  const network = memoryNetwork()
  await callVerb(network, add, configOf('1.0.0'))
  const { netnsFd, ...request } = [...network.attachments.values()][0]?.request ?? { netnsFd: -1 }
  assert.ok(netnsFd > 2)
  assert.deepEqual(request, {
    containerId: 'c1',
    ifName: 'eth0',
    network: 'podlane',
    podUid: 'u-1',
    podNamespace: 'default',
    podName: 'web-0',
    ips: [],
    mac: undefined,
    hostPorts: [],
    bandwidth: undefined,
  })
})

test('VERSION answers to an empty stdin, and echoes a version that only a newer runtime knows', async () => {
  const network = memoryNetwork()
  const empty = await callVerb(network, { CNI_COMMAND: 'VERSION' }, '')
  assert.deepEqual(empty.json, { cniVersion: '1.1.0', supportedVersions: [...supportedVersions] })
  const newer = await callVerb(network, { CNI_COMMAND: 'VERSION' }, '{"cniVersion":"1.2.0"}')
  assert.equal(newer.json.cniVersion, '1.2.0')
})

test('a config without a version speaks 0.1.0, one of an unknown version is code 1', async () => {
  const network = memoryNetwork()
  assert.equal((await callVerb(network, add, configOf(undefined))).json.cniVersion, '0.1.0')
  const unknown = await callVerb(network, add, configOf('9.9.9'))
  assert.equal(unknown.json.code, 1)
  assert.equal(unknown.json.cniVersion, '1.1.0')
})

test('every missing variable is named in one error of code 4', async () => {
  const reply = await callVerb(memoryNetwork(), { CNI_COMMAND: 'ADD' }, configOf('1.0.0'))
  assert.equal(reply.json.code, 4)
  assert.equal(reply.json.msg, 'missing CNI_CONTAINERID, CNI_NETNS, CNI_IFNAME')
  for (const command of [undefined, '', 'add', 'PURGE'])
    assert.match(
      String((await callVerb(memoryNetwork(), { CNI_COMMAND: command }, configOf('1.0.0'))).json.msg),
      /CNI_COMMAND/,
    )
})

test('names that a path or the kernel would take for something else are code 4', async () => {
  const bad = [
    ...['../x', '.x', 'a b', 'ä', 'x'.repeat(201)].map((id) => ({ CNI_CONTAINERID: id })),
    ...['..', '.', 'a/b', 'a:b', 'a b', 'eth%d', 'x'.repeat(16)].map((name) => ({ CNI_IFNAME: name })),
  ]
  for (const variables of bad) {
    const reply = await callVerb(memoryNetwork(), { ...add, ...variables }, configOf('1.0.0'))
    assert.deepEqual([reply.json.code, String(reply.json.msg).split(' ')[0]], [4, 'invalid'])
    assert.match(String(reply.json.msg), new RegExp(Object.keys(variables)[0] ?? '-'))
  }
})

test('CNI_ARGS: a part that is no KEY=VALUE is code 4 for ADD and no obstacle for DEL', async () => {
  const network = memoryNetwork()
  const broken = { CNI_ARGS: 'K8S_POD_NAME' }
  assert.equal((await callVerb(network, { ...add, ...broken }, configOf('1.0.0'))).json.code, 4)
  const gone = await callVerb(network, { ...podVariables('DEL'), ...broken }, configOf('1.0.0'))
  assert.equal(gone.exitCode, 0)
})

test('what is no JSON object is code 6, a wrong name or a whole plugin list code 7', async () => {
  const codes: unknown[] = []
  for (const config of ['', '{', '[]', 'null', '1', '{"cniVersion":1}', Uint8Array.of(0x7b, 0xff, 0x7d)])
    codes.push((await callVerb(memoryNetwork(), add, config)).json.code)
  assert.deepEqual(codes, [6, 6, 6, 6, 6, 6, 6])
  const invalid = [{ name: undefined }, { name: '' }, { name: '../x' }, { plugins: [] }, { dns: 1 }]
  for (const more of invalid)
    assert.equal((await callVerb(memoryNetwork(), add, configOf('1.0.0', more))).json.code, 7)
})

test('a namespace that is not there, is none or is the node’s own is code 8, and DEL needs none', async () => {
  for (const given of [
    { state: 'failed', errno: 2 },
    { state: 'failed', errno: 22 },
    { state: 'own' },
    { state: 'none' },
  ] as const) {
    const network = memoryNetwork()
    const reply = await callVerb(network, add, configOf('1.0.0'), given)
    assert.equal(reply.json.code, 8)
    assert.match(String(reply.json.msg), /CNI_NETNS "\/run\/netns\/blue"/)
    assert.equal(network.attachments.size, 0)
  }
  const gone = await callVerb(memoryNetwork(), podVariables('DEL'), configOf('1.0.0'), { state: 'none' })
  assert.equal(gone.exitCode, 0)
})

test('a second ADD of the same attachment is code 4 and names the variable', async () => {
  const network = memoryNetwork()
  await callVerb(network, add, configOf('1.0.0'))
  const again = await callVerb(network, add, configOf('1.0.0'))
  assert.equal(again.json.code, 4)
  assert.match(String(again.json.msg), /CNI_IFNAME eth0/)
})

test('an ADD repeated after a lost answer takes the place of the one that may have been done', async () => {
  const network = memoryNetwork()
  await callVerb(network, add, configOf('1.0.0'))
  const again = await callVerb(network, add, configOf('1.0.0'), undefined, true)
  assert.equal(again.exitCode, 0)
  assert.equal(network.attachments.size, 1)
})

test('undo takes an ADD back', async () => {
  const network = memoryNetwork()
  const reply = await callVerb(network, add, configOf('1.0.0'))
  await reply.undo?.()
  assert.equal(network.attachments.size, 0)
})

test('CHECK without prevResult is code 7, and with it names what is missing or changed', async () => {
  const network = memoryNetwork()
  const { json } = await callVerb(network, add, configOf('1.0.0'))
  const check = podVariables('CHECK')
  assert.equal((await callVerb(network, check, configOf('1.0.0'))).json.code, 7)
  const moved = JSON.parse(JSON.stringify(json).replace('10.244.1.2/32', '10.244.1.9/32'))
  const wrong = await callVerb(network, check, configOf('1.0.0', { prevResult: moved }))
  assert.equal(wrong.json.code, 104)
  assert.match(String(wrong.json.msg), /address 10\.244\.1\.9/)
  const other = await callVerb(
    network,
    { ...check, CNI_IFNAME: 'eth1' },
    configOf('1.0.0', { prevResult: json }),
  )
  assert.equal(other.json.code, 104)
})

test('STATUS is 50 while no pod can be added, 51 where running pods suffer too', async () => {
  const network = memoryNetwork()
  for (const limited of [false, true]) {
    network.readiness = { state: 'not-ready', limited, why: 'no address range', next: 'wait' }
    const reply = await callVerb(network, { CNI_COMMAND: 'STATUS' }, configOf('1.1.0'))
    assert.equal(reply.json.code, limited ? 51 : 50)
  }
})

test('GC removes what is not in the list, of its own network only', async () => {
  const network = memoryNetwork()
  for (const id of ['c1', 'c2', 'c3']) await callVerb(network, podVariables('ADD', id), configOf('1.1.0'))
  await callVerb(network, podVariables('ADD', 'other'), configOf('1.1.0', { name: 'second' }))
  const gc = { CNI_COMMAND: 'GC' }
  const list = { 'cni.dev/attachments': [attachment] }
  assert.equal((await callVerb(network, gc, configOf('1.1.0', list))).exitCode, 0)
  assert.deepEqual([...network.attachments.keys()], ['c1 eth0', 'other eth0'])
  assert.equal(
    (await callVerb(network, gc, configOf('1.1.0', { 'cni.dev/valid-attachments': [] }))).exitCode,
    0,
  )
  assert.deepEqual([...network.attachments.keys()], ['other eth0'])
})

test('GC with a missing, null or malformed list refuses and removes nothing', async () => {
  const network = memoryNetwork()
  await callVerb(network, add, configOf('1.1.0'))
  const lists = [
    {},
    { 'cni.dev/valid-attachments': null },
    { 'cni.dev/valid-attachments': {} },
    { 'cni.dev/valid-attachments': [{}] },
    { 'cni.dev/valid-attachments': [attachment, { containerID: '../x', ifname: 'eth0' }] },
  ]
  for (const list of lists)
    assert.equal((await callVerb(network, { CNI_COMMAND: 'GC' }, configOf('1.1.0', list))).json.code, 7)
  assert.equal(network.attachments.size, 1)
})

test('GC goes on after an error and reports all', async () => {
  const network = memoryNetwork()
  for (const id of ['c1', 'c2', 'c3']) await callVerb(network, podVariables('ADD', id), configOf('1.1.0'))
  network.before = async (_verb, id) =>
    id.containerId === 'c3'
      ? ok(undefined)
      : fault('kernel', `link of ${id.containerId}`, 'gone', 'EBUSY', 'try again')
  const list = { 'cni.dev/valid-attachments': [] }
  const reply = await callVerb(network, { CNI_COMMAND: 'GC' }, configOf('1.1.0', list))
  assert.equal(reply.json.code, 106)
  assert.match(String(reply.json.details), /link of c1[\s\S]*link of c2/)
  assert.deepEqual([...network.attachments.keys()], ['c1 eth0', 'c2 eth0'])
})

test('a fault of the network becomes its code, one without a code of its own 100', async () => {
  const network = memoryNetwork()
  const seen: unknown[] = []
  for (const kind of ['bad-namespace', 'try-again', 'range-exhausted', 'port-taken', 'kernel', 'odd']) {
    network.before = async () => fault(kind, 'thing', 'this', 'that', 'do so')
    seen.push((await callVerb(network, add, configOf('1.0.0'))).json.code)
  }
  assert.deepEqual(seen, [8, 11, 101, 103, 105, 100])
})

test('a config that delegates addresses to another program is refused by name', async () => {
  const reply = await callVerb(memoryNetwork(), add, configOf('1.0.0', { ipam: { type: 'host-local' } }))
  assert.equal(reply.json.code, 2)
  assert.match(String(reply.json.msg), /ipam\.type "host-local"/)
})
