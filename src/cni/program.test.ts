import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { dirname } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { silentLog } from '../base/log.ts'
import { must, ok } from '../base/result.ts'
import { withMarkers } from './markers.ts'
import { startCniServer } from './server.ts'
import { callVerb, configOf, podVariables, type Variables } from './testing/calls.ts'
import { memoryNetwork } from './testing/memory_network.ts'
import { createBench, programPath, runProgram, startProgram } from './testing/program.ts'
import { handleCall } from './verbs.ts'
import { encodeReply } from './wire.ts'

let bench: ReturnType<typeof createBench>
let fake: Server | undefined

beforeEach(() => {
  bench = createBench()
})
afterEach(async () => {
  if (fake) await new Promise((resolve) => fake?.close(resolve))
  fake = undefined
  bench.remove()
})

const pod = (command: string, id = 'c1'): Variables => ({ ...podVariables(command, id), ...bench.variables })
const config = JSON.stringify(configOf('1.1.0'))
const markers = (): string[] => (existsSync(bench.deleted) ? readdirSync(bench.deleted) : [])

/** An agent that does with its n-th connection what the test says. */
async function fakeAgent(answer: (socket: Socket, n: number) => void): Promise<void> {
  mkdirSync(dirname(bench.socket), { recursive: true })
  let n = 0
  fake = createServer((socket) => {
    socket.on('error', () => {})
    answer(socket, n++)
  }).listen(bench.socket)
  await new Promise((resolve) => fake?.once('listening', resolve))
}
const requestOf = (socket: Socket): Promise<Buffer> =>
  new Promise((resolve) => socket.once('data', (piece: Buffer) => resolve(piece)))

test('VERSION and a bad CNI_COMMAND need no agent', async () => {
  const version = await runProgram({ CNI_COMMAND: 'VERSION' }, '')
  assert.deepEqual([version.code, version.json.cniVersion], [0, '1.1.0'])
  assert.deepEqual(
    version.json,
    (await callVerb(memoryNetwork(), { CNI_COMMAND: 'VERSION' }, '')).json,
    'agent and program answer alike',
  )
  assert.equal(
    (await runProgram({ CNI_COMMAND: 'VERSION' }, '{"cniVersion":"1.2.0"}')).json.cniVersion,
    '1.2.0',
  )
  for (const command of [undefined, '', 'add', 'PURGE']) {
    const reply = await runProgram({ CNI_COMMAND: command }, '{"cniVersion":"0.4.0"}')
    assert.deepEqual([reply.code, reply.json.code, reply.json.cniVersion], [1, 4, '0.4.0'])
  }
})

test('without an agent ADD waits and is 11, STATUS waits and is 50, CHECK and GC are 11 at once', async () => {
  for (const [command, code] of [
    ['ADD', 11],
    ['STATUS', 50],
    ['CHECK', 11],
    ['GC', 11],
  ] as const) {
    const reply = await runProgram(pod(command), config)
    assert.deepEqual([reply.code, reply.json.code, reply.json.cniVersion], [1, code, '1.1.0'])
  }
})

test('the version of that error is the config’s, wherever it stands and whatever stands before it', async () => {
  const away = (stdin: string) => runProgram({ ...pod('GC') }, stdin)
  const versions: [string, string][] = [
    ['{"prevResult":{"cniVersion":"0.2.0"},"x":"\\"cniVersion\\":","cniVersion" : "0.4.0"}', '0.4.0'],
    ['{"cniVersion":"0.3.0","cniVersion":"0.3.1"}', '0.3.1'],
    ['{"a":"cniVersion","b":"0.4.0"}', '0.1.0'],
    ['{"cniVersion":"9.9.9"}', '1.1.0'],
    ['{"cniVersion":"1.0.0\\u0022"}', '0.1.0'],
    ['{"cniVersion":{"cniVersion":"1.0.0"}}', '0.1.0'],
    ['', '0.1.0'],
    ['{"cniVersion":"', '0.1.0'],
    ['[{"cniVersion":"1.0.0"}]', '0.1.0'],
  ]
  for (const [stdin, version] of versions) assert.equal((await away(stdin)).json.cniVersion, version, stdin)
})

test('an ADD that finds the agent restarting waits for it', async () => {
  const network = memoryNetwork()
  const run = startProgram({ ...pod('ADD'), PODLANE_WAIT_MS: '5000' }, config)
  await sleep(120)
  const handle = (call: Parameters<typeof handleCall>[0]) => handleCall(call, network)
  const server = must(startCniServer({ path: bench.socket, handle, log: silentLog }))
  assert.equal((await run.ended).code, 0)
  assert.equal(network.attachments.size, 1)
  await server.close()
})

test('an ADD whose answer is lost in the middle writes no half of it and says that it asks again', async () => {
  const flags: (number | undefined)[] = []
  const whole = encodeReply({ exitCode: 0, stdout: '{"whole":true}\n' })
  await fakeAgent(async (socket, n) => {
    flags.push((await requestOf(socket))[5])
    socket.end(n < 2 ? whole.subarray(0, n * 15) : whole)
  })
  const reply = await runProgram({ ...pod('ADD'), PODLANE_WAIT_MS: '5000' }, config)
  assert.deepEqual([reply.code, reply.json], [0, { whole: true }])
  assert.deepEqual(flags, [0, 1, 1])
})

test('an agent that hangs: ADD is 11, STATUS 50, DEL succeeds and leaves its marker', async () => {
  const sockets: Socket[] = []
  await fakeAgent((socket) => sockets.push(socket))
  const hurried = (command: string): Variables => ({ ...pod(command), PODLANE_TIMEOUT_MS: '100' })
  assert.equal((await runProgram(hurried('ADD'), config)).json.code, 11)
  assert.equal((await runProgram(hurried('STATUS'), config)).json.code, 50)
  const gone = await runProgram(hurried('DEL'), config)
  assert.deepEqual([gone.code, gone.stdout, markers()], [0, '', ['c1@eth0']])
  for (const socket of sockets) socket.destroy()
})

test('what listens there but is no agent is an error, not a wait', async () => {
  await fakeAgent((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))
  const reply = await runProgram({ ...pod('ADD'), PODLANE_WAIT_MS: '60000' }, config)
  assert.equal(reply.json.code, 11)
  assert.match(String(reply.json.details), /not the agent's/)
})

test('DEL without an agent succeeds and leaves a marker that only root can read', async () => {
  for (const netns of [bench.netns, '', undefined]) {
    const gone = await runProgram({ ...pod('DEL'), CNI_NETNS: netns }, config)
    assert.deepEqual([gone.code, gone.stdout], [0, ''])
  }
  assert.deepEqual(markers(), ['c1@eth0'])
  assert.equal(
    readFileSync(`${bench.deleted}/c1@eth0`, 'utf8'),
    'containerID=c1\nifname=eth0\nnetwork=podlane\n',
  )
  assert.equal(statSync(bench.deleted).mode & 0o777, 0o700)
  assert.equal(statSync(`${bench.deleted}/c1@eth0`).mode & 0o777, 0o600)
})

test('DEL without an agent writes nothing for names that are not safe in a path', async () => {
  const bad = [
    ...['../../etc/x', '.', 'a/b', '', undefined, 'x'.repeat(201)].map((id) => ({ CNI_CONTAINERID: id })),
    ...['..', 'a/b', 'a b', '', undefined, 'x'.repeat(16)].map((name) => ({ CNI_IFNAME: name })),
  ]
  for (const variables of bad)
    assert.equal((await runProgram({ ...pod('DEL'), ...variables }, config)).json.code, 4)
  assert.deepEqual(markers(), [])
  const longest = await runProgram(
    { ...pod('DEL', 'x'.repeat(200)), CNI_IFNAME: 'y'.repeat(15) },
    JSON.stringify({ name: 'z'.repeat(200) }),
  )
  assert.deepEqual([longest.code, markers().length], [0, 1])
})

test('an agent that starts between the first try and the marker gets the DEL, and the marker goes', async () => {
  await fakeAgent(async (socket, n) => {
    if (n === 0) return socket.destroy()
    await requestOf(socket)
    assert.deepEqual(markers(), ['c1@eth0'])
    return socket.end(encodeReply({ exitCode: 0, stdout: '' }))
  })
  assert.equal((await runProgram(pod('DEL'), config)).code, 0)
  assert.deepEqual(markers(), [])
})

test('an agent that then refuses the DEL is heard, and the marker stays', async () => {
  await fakeAgent(async (socket, n) => {
    if (n === 0) return socket.destroy()
    await requestOf(socket)
    return socket.end(encodeReply({ exitCode: 1, stdout: '{"code":11}' }))
  })
  const reply = await runProgram(pod('DEL'), config)
  assert.deepEqual([reply.code, reply.json.code, markers()], [1, 11, ['c1@eth0']])
})

test('a DEL killed at any moment leaves a whole marker, a draft or nothing', async () => {
  for (let i = 0; i < 30; i++) {
    const run = startProgram(pod('DEL', `c${i}`), config)
    await sleep(Math.random() * 4)
    run.kill()
    await run.ended
  }
  for (const name of markers().filter((m) => !m.startsWith('.new-')))
    assert.match(
      readFileSync(`${bench.deleted}/${name}`, 'utf8'),
      /^containerID=c\d+\nifname=eth0\nnetwork=podlane\n$/,
    )
})

test('a config over 1 MiB is code 5; one just under it arrives whole', async () => {
  const padded = (size: number): string => config.padEnd(size, ' ')
  assert.equal((await runProgram(pod('ADD'), padded((1 << 20) + 1))).json.code, 5)
  const lengths: number[] = []
  const network = memoryNetwork()
  const handle = (call: Parameters<typeof handleCall>[0]) => {
    lengths.push(call.stdin.length)
    return handleCall(call, network)
  }
  const server = must(startCniServer({ path: bench.socket, handle, log: silentLog }))
  assert.equal((await runProgram(pod('ADD'), padded(1 << 20))).code, 0)
  assert.deepEqual(lengths, [1 << 20])
  await server.close()
})

test('started with stdin, stdout or stderr closed, it writes its answer nowhere else', async () => {
  const received: Buffer[] = []
  await fakeAgent(async (socket) => {
    received.push(await requestOf(socket))
    socket.end(encodeReply({ exitCode: 0, stdout: '{"answer":1}' }))
    socket.on('data', (more: Buffer) => received.push(more))
  })
  const shell = ['/bin/sh', '-c', `exec ${programPath} <&- >&- 2>&-`]
  const ended = await runProgram({ ...pod('GC') }, '', shell)
  await sleep(20)
  assert.deepEqual([ended.code, ended.stdout, received.length], [0, '', 1])
})

test('a marker is worked off once the agent listens, and an unknown file in the folder stays', async () => {
  const network = memoryNetwork()
  await callVerb(network, podVariables('ADD'), configOf('1.1.0'))
  await runProgram(pod('DEL'), config)
  const marked = withMarkers(network, bench.deleted, silentLog)
  assert.deepEqual(await marked.settleMarkers(), [])
  assert.deepEqual([network.attachments.size, markers()], [0, []])
})

test('a marker whose DEL fails stays for the next time', async () => {
  const network = memoryNetwork()
  await runProgram(pod('DEL'), config)
  network.before = async () => ({
    ok: false,
    error: { kind: 'kernel', object: '', wanted: '', found: '', next: '' },
  })
  const marked = withMarkers(network, bench.deleted, silentLog)
  assert.equal((await marked.settleMarkers()).length, 1)
  assert.deepEqual(markers(), ['c1@eth0'])
})

test('a container that starts again under the same ID survives the marker of its earlier life', async () => {
  const network = memoryNetwork()
  const marked = withMarkers(network, bench.deleted, silentLog)
  await callVerb(marked, podVariables('ADD'), configOf('1.1.0'))
  await runProgram(pod('DEL'), config)
  network.before = async () => {
    await sleep(5)
    return ok(undefined)
  }
  const settling = marked.settleMarkers()
  const again = await callVerb(marked, podVariables('ADD'), configOf('1.1.0'))
  assert.deepEqual(await settling, [])
  assert.deepEqual([again.exitCode, network.attachments.size, markers()], [0, 1, []])
})
