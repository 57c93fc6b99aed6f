import assert from 'node:assert/strict'
import {
  closeSync,
  existsSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { dirname } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Log, silentLog } from '../base/log.ts'
import { must, ok } from '../base/result.ts'
import { ptr } from '../kernel/addon.ts'
import { mustCall } from '../kernel/syscalls.ts'
import { type CniServer, type CniServerOptions, startCniServer } from './server.ts'
import { configOf, podVariables, type Variables } from './testing/calls.ts'
import { type MemoryNetwork, memoryNetwork } from './testing/memory_network.ts'
import { createBench, openDescriptors, runProgram, startProgram } from './testing/program.ts'
import { handleCall } from './verbs.ts'
import { supportedVersions } from './versions.ts'

let bench: ReturnType<typeof createBench>
let network: MemoryNetwork
let server: CniServer | undefined

const serve = (options: Partial<CniServerOptions> = {}): CniServer => {
  server = must(
    startCniServer({
      path: bench.socket,
      handle: (call) => handleCall(call, network),
      log: silentLog,
      ...options,
    }),
  )
  return server
}
const pod = (command: string, id = 'c1'): Variables => ({ ...podVariables(command, id), ...bench.variables })
const config = (version = '1.1.0', more: object = {}): string => JSON.stringify(configOf(version, more))

beforeEach(() => {
  bench = createBench()
  network = memoryNetwork()
})
afterEach(async () => {
  await server?.close()
  server = undefined
  bench.remove()
})

test('every verb of every version goes through the program and the socket', async () => {
  serve()
  for (const version of supportedVersions) {
    const added = await runProgram(pod('ADD'), config(version))
    assert.deepEqual([added.code, added.json.cniVersion], [0, version])
    const prevResult = added.json
    const checked = await runProgram(pod('CHECK'), config(version, { prevResult }))
    assert.equal(checked.json.code, version >= '0.4.0' ? undefined : 1)
    for (const command of ['STATUS', 'GC', 'VERSION']) {
      const more = { 'cni.dev/valid-attachments': [{ containerID: 'c1', ifname: 'eth0' }] }
      const reply = await runProgram({ ...bench.variables, CNI_COMMAND: command }, config(version, more))
      if (command === 'VERSION') assert.deepEqual(reply.json.supportedVersions, [...supportedVersions])
      else if (version >= '1.1.0') assert.deepEqual([reply.code, reply.stdout], [0, ''])
      else assert.equal(reply.json.code, 1)
    }
    assert.equal(network.attachments.size, 1)
    const gone = await runProgram(pod('DEL'), config(version, { prevResult }))
    assert.deepEqual([gone.code, gone.stdout], [0, ''])
    assert.equal(network.attachments.size, 0)
  }
})

test('the network gets the very namespace that CNI_NETNS names', async () => {
  const seen: unknown[] = []
  const add = network.add
  network = {
    ...network,
    add: (request) => {
      seen.push(fstatSync(request.netnsFd).ino)
      return add(request)
    },
  }
  serve()
  assert.equal((await runProgram(pod('ADD'), config())).code, 0)
  assert.deepEqual(seen, [statSync(bench.netns).ino])
})

test('CNI_NETNS: the node’s own namespace, a file, a pipe or nothing at all is code 8', async () => {
  serve()
  const file = `${bench.folder}/file`
  writeFileSync(file, '')
  for (const path of [
    '/proc/self/ns/net',
    '/proc/self/ns/mnt',
    file,
    '/dev/stdin',
    '/nowhere',
    'x'.repeat(5000),
  ]) {
    const reply = await runProgram({ ...pod('ADD'), CNI_NETNS: path }, config())
    assert.deepEqual([reply.code, reply.json.code], [1, 8], path)
  }
  assert.equal((await runProgram({ ...pod('DEL'), CNI_NETNS: '/nowhere' }, config())).code, 0)
  assert.equal((await runProgram({ ...pod('DEL'), CNI_NETNS: undefined }, config())).code, 0)
})

test('100 programs at once each get their own result, and no descriptor stays open', async () => {
  network.before = async () => {
    await sleep(Math.random() * 20)
    return ok(undefined)
  }
  serve()
  await runProgram(pod('ADD', 'warm'), config())
  const before = openDescriptors()
  const ids = Array.from({ length: 100 }, (_, i) => `c${i}`)
  const added = await Promise.all(ids.map((id) => runProgram(pod('ADD', id), config())))
  assert.deepEqual([...new Set(added.map((a) => a.code))], [0])
  assert.equal(new Set(added.map((a) => JSON.stringify(a.json.ips))).size, 100)
  const gone = await Promise.all(ids.map((id) => runProgram(pod('DEL', id), config())))
  assert.deepEqual([...new Set(gone.map((a) => a.code))], [0])
  assert.equal(network.attachments.size, 1)
  assert.equal(openDescriptors(), before)
})

test('with room for two connections ten programs wait their turn', async () => {
  serve({ mostConnections: 2 })
  network.before = async () => {
    await sleep(5)
    return ok(undefined)
  }
  const all = Array.from({ length: 10 }, (_, i) => runProgram(pod('ADD', `c${i}`), config()))
  assert.deepEqual(
    (await Promise.all(all)).map((a) => a.code),
    Array(10).fill(0),
  )
})

test('an ADD whose program is killed before the answer is taken back', async () => {
  let started = (): void => {}
  const underWay = new Promise<void>((resolve) => {
    started = resolve
  })
  let go = (): void => {}
  const mayGo = new Promise<void>((resolve) => {
    go = resolve
  })
  network.before = async (verb) => {
    if (verb !== 'ADD') return ok(undefined)
    started()
    await mayGo
    return ok(undefined)
  }
  serve()
  const before = openDescriptors()
  const run = startProgram(pod('ADD'), config())
  await underWay
  run.kill()
  await run.ended
  go()
  await server?.close()
  assert.equal(network.attachments.size, 0)
  // Listener, lock and the two of the child's pipes are gone by now as well.
  assert.ok(openDescriptors() <= before)
})

test('programs killed at any moment leave no descriptor and no half-made call behind', async () => {
  serve()
  await runProgram(pod('ADD', 'warm'), config())
  const before = openDescriptors()
  for (let i = 0; i < 40; i++) {
    const run = startProgram(pod('ADD', `k${i}`), config())
    await sleep(Math.random() * 4)
    run.kill()
    await run.ended
    assert.equal((await runProgram(pod('DEL', `k${i}`), config())).code, 0)
  }
  await sleep(20)
  assert.equal(network.attachments.size, 1)
  assert.equal(openDescriptors(), before)
})

const header = (environment: number, stdin: number, netns = 0): Buffer => {
  const frame = Buffer.alloc(20)
  frame.write('PLCN', 'latin1')
  frame[4] = 1
  frame[6] = netns
  frame.writeUInt32LE(environment, 12)
  frame.writeUInt32LE(stdin, 16)
  return frame
}

/** Sends bytes with descriptors as a program would that we did not write. */
function sendDescriptors(socket: number, bytes: Buffer, fds: readonly number[]): void {
  const iovec = Buffer.alloc(16)
  iovec.writeBigUInt64LE(ptr(bytes), 0)
  iovec.writeBigUInt64LE(BigInt(bytes.length), 8)
  const control = Buffer.alloc(16 + Math.ceil(fds.length / 2) * 8)
  control.writeBigUInt64LE(BigInt(16 + 4 * fds.length), 0)
  control.writeInt32LE(1, 8)
  control.writeInt32LE(1, 12)
  fds.forEach((fd, i) => {
    control.writeInt32LE(fd, 16 + 4 * i)
  })
  const message = Buffer.alloc(56)
  message.writeBigUInt64LE(ptr(iovec), 16)
  message.writeBigUInt64LE(1n, 24)
  message.writeBigUInt64LE(ptr(control), 32)
  message.writeBigUInt64LE(BigInt(control.length), 40)
  mustCall('sendmsg', socket, message, 0)
  // The pointers above must still mean something: no struct may be collected before the call.
  assert.ok(iovec.length + control.length > 0)
}

function connectRaw(path: string): number {
  const fd = mustCall('socket', 1, 1, 0)
  const address = Buffer.alloc(110)
  address.writeUInt16LE(1, 0)
  address.write(path, 2)
  mustCall('connect', fd, address, 110)
  return fd
}

test('descriptors that nobody asked for are closed: too many, without a use, before a broken or unfinished request', async () => {
  const refused: object[] = []
  const log: Log = { ...silentLog, warn: (facts) => refused.push(facts) }
  serve({ timeoutMs: 100, log })
  const namespace = openSync(bench.netns, 'r')
  const before = openDescriptors()
  const sends: readonly (readonly [Buffer, number])[] = [
    [header(0, 0, 1), 2],
    [header(0, 0, 1), 100],
    [header(0, 0, 0), 1],
    [header(0, 0, 9), 1],
    [Buffer.from('GET / HTTP/1.1\r\n\r\n'), 1],
    [header(0, 10_000, 1), 1],
    [header(0, 10_000, 1).subarray(0, 7), 1],
    [header(1 << 30, 0, 1), 1],
    [Buffer.concat([header(0, 0, 1), Buffer.from('more')]), 1],
  ]
  for (const stays of [true, false])
    for (const [bytes, count] of sends) {
      const client = connectRaw(bench.socket)
      sendDescriptors(client, bytes, Array<number>(count).fill(namespace))
      if (stays) await sleep(5)
      closeSync(client)
    }
  await sleep(250)
  assert.equal(openDescriptors(), before)
  assert.ok(refused.length >= 7)
  closeSync(namespace)
  assert.equal((await runProgram(pod('ADD'), config())).code, 0)
})

const ended = (socket: Socket): Promise<Buffer> =>
  new Promise((resolve) => {
    const pieces: Buffer[] = []
    socket.on('data', (piece: Buffer) => pieces.push(piece))
    socket.on('error', () => {})
    socket.on('close', () => resolve(Buffer.concat(pieces)))
  })

test('a request in single bytes is understood, one that stops in the middle is dropped in time', async () => {
  serve({ timeoutMs: 150 })
  const environment = Buffer.from('CNI_COMMAND=STATUS\0')
  const stdin = Buffer.from(config())
  const frame = Buffer.concat([header(environment.length, stdin.length), environment, stdin])
  const patient = connect(bench.socket)
  const reply = ended(patient)
  patient.setNoDelay(true)
  for (const byte of frame) await new Promise((resolve) => patient.write(Buffer.of(byte), resolve))
  assert.deepEqual((await reply).toString('latin1', 0, 6), 'PLCN\x01\0')
  const silent = connect(bench.socket)
  silent.write(frame.subarray(0, 30))
  assert.equal((await ended(silent)).length, 0)
})

test('a program of another release is told so', async () => {
  serve()
  const frame = header(0, 0)
  frame[4] = 2
  const client = connect(bench.socket)
  client.write(frame)
  const reply = await ended(client)
  assert.match(JSON.parse(reply.toString('utf8', 12)).msg, /different releases/)
})

test('the socket is for root alone, in a folder for root alone, and gone after close', async () => {
  serve()
  assert.equal(lstatSync(bench.socket).mode & 0o777, 0o600)
  assert.equal(lstatSync(dirname(bench.socket)).mode & 0o777, 0o700)
  await server?.close()
  assert.equal(existsSync(bench.socket), false)
})

test('a socket that nobody serves any more is replaced; a served one, or another file, is not', async () => {
  mkdirSync(dirname(bench.socket), { recursive: true })
  const attempt = () =>
    startCniServer({ path: bench.socket, handle: async () => assert.fail(), log: silentLog })
  const stale = connectlessSocket(bench.socket)
  closeSync(stale)
  serve()
  assert.equal((await runProgram(pod('ADD'), config())).code, 0)
  const second = attempt()
  assert.equal(!second.ok && second.error.kind, 'exists')
  assert.equal((await runProgram(pod('DEL'), config())).code, 0)
  await server?.close()
  const other = createServer().listen(bench.socket)
  await new Promise((resolve) => other.once('listening', resolve))
  assert.equal(attempt().ok, false)
  await new Promise((resolve) => other.close(resolve))
  writeFileSync(bench.socket, '')
  assert.equal(attempt().ok, false)
})

/** A bound socket file whose owner is gone, as `kill -9` leaves it. */
function connectlessSocket(path: string): number {
  const fd = mustCall('socket', 1, 1, 0)
  const address = Buffer.alloc(110)
  address.writeUInt16LE(1, 0)
  address.write(path, 2)
  mustCall('bind', fd, address, 110)
  return fd
}
