import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { call } from '../../src/kernel/syscalls.ts'
import { until } from '../agent/until.ts'
import { connect, hangUp, lacking, sameNodeBench, someBytes, transfer } from './bench.ts'

const skip = lacking() ?? false
const MB = 1 << 20
const SHUT_WR = 1
const SOL_SOCKET = 1
const SO_LINGER = 13

for (const family of [4, 6] as const)
  test(`two pods that opted in talk from socket to socket over IPv${family}, every byte in order`, {
    skip,
  }, async (t) => {
    const bench = sameNodeBench(t)
    const [a, b] = [bench.pod(2), bench.pod(3)]
    bench.optIn(a, b)
    const { client, server } = await connect(t, a, b, family)
    assert.equal(bench.count('sockets'), 2)
    for (let i = 0; i < 2000; i++) {
      client.write(`question ${i}`)
      assert.equal(await server.read(), `question ${i}`)
      server.write(`answer ${i}`)
      assert.equal(await client.read(), `answer ${i}`)
    }
    assert.equal(bench.count('short'), 4000)
    assert.equal(bench.count('stack'), 0)
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      const data = someBytes(4 * MB)
      assert.ok((await transfer(from, to, data, 3000)).equals(data))
      assert.ok((await transfer(from, to, data, 200_000)).equals(data))
    }
  })

test('a receiver that lags is protected: the direction goes back to the stack, in order, and stays there', {
  skip,
}, async (t) => {
  const bench = sameNodeBench(t)
  const [a, b] = [bench.pod(2), bench.pod(3)]
  bench.optIn(a, b)
  const { client, server } = await connect(t, a, b)
  const data = someBytes(64 * MB)
  let sent = 0
  for (let n = 1; n > 0 && sent < data.length; ) {
    const part = data.subarray(sent, sent + 10_000)
    n = call('sendto', client.fd, part, part.length, 0x4000, null, 0)
    if (n > 0) sent += n
  }
  assert.ok(sent < 16 * MB, `the sender was held after ${sent} bytes`)
  assert.equal(bench.count('slow'), 1)
  const got: Buffer[] = []
  for (let text = await server.read(); text !== undefined; text = await server.read())
    got.push(Buffer.from(text, 'latin1'))
  assert.ok(Buffer.concat(got).equals(data.subarray(0, sent)))
  const before = bench.count('short')
  client.write('after')
  assert.equal(await server.read(), 'after')
  assert.equal(bench.count('short'), before)
  server.write('the other direction is as it was')
  assert.ok(await client.read())
  assert.equal(bench.count('short'), before + 1)
})

test('half-close: what was sent before it arrives first, and the other direction goes on', {
  skip,
}, async (t) => {
  const bench = sameNodeBench(t)
  const [a, b] = [bench.pod(2), bench.pod(3)]
  bench.optIn(a, b)
  const { client, server } = await connect(t, a, b)
  client.write('last words')
  call('shutdown', client.fd, SHUT_WR)
  assert.equal(await server.read(), 'last words')
  assert.equal(await server.read(), '')
  server.write('still here')
  assert.equal(await client.read(), 'still here')
})

test('a reset is a reset, and a closed end makes the sender fail as ever', { skip }, async (t) => {
  const bench = sameNodeBench(t)
  const [a, b] = [bench.pod(2), bench.pod(3)]
  bench.optIn(a, b)
  const one = await connect(t, a, b)
  one.client.write('x')
  assert.equal(await one.server.read(), 'x')
  call('setsockopt', one.server.fd, SOL_SOCKET, SO_LINGER, Buffer.from([1, 0, 0, 0, 0, 0, 0, 0]), 8)
  hangUp(one.server)
  assert.match((await one.client.read()) ?? '', /ECONNRESET/)
  const two = await connect(t, a, b)
  two.client.write('x')
  assert.equal(await two.server.read(), 'x')
  hangUp(two.server)
  assert.equal(await two.client.read(), '')
  // The answer to the first may take a moment.
  await until('writing fails', () => two.client.write('nobody') < 0)
})

test('a pod that has not opted in is left alone, and nothing is attached while none has', {
  skip,
}, async (t) => {
  const bench = sameNodeBench(t)
  const [a, b, c] = [bench.pod(2), bench.pod(3), bench.pod(4)]
  const early = await connect(t, a, b)
  assert.ok(!existsSync(join(bench.folder, 'sockets', 'link')))
  assert.equal(bench.sockets().status().state, 'off')
  bench.optIn(a, b)
  assert.equal(bench.sockets().status().state, 'on')
  for (const { client, server } of [early, await connect(t, a, c), await connect(t, c, b)]) {
    client.write('hello')
    assert.equal(await server.read(), 'hello')
  }
  assert.equal(bench.count('sockets'), 0)
  bench.optIn()
  assert.ok(!existsSync(join(bench.folder, 'sockets', 'link')))
  assert.equal(bench.sockets().status().state, 'off')
})

test('when the last pod opts out, its connections go on in the stack, after what waits to be read', {
  skip,
}, async (t) => {
  const bench = sameNodeBench(t)
  const [a, b] = [bench.pod(2), bench.pod(3)]
  bench.optIn(a, b)
  const { client, server } = await connect(t, a, b)
  client.write('by the short way, ')
  bench.optIn()
  client.write('by the stack')
  assert.equal(await server.read(), 'by the short way, ')
  assert.equal(await server.read(), 'by the stack')
  server.write('and back')
  assert.equal(await client.read(), 'and back')
})
