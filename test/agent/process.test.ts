import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { run } from './dump.ts'
import { nodeWithOutside } from './fixtures.ts'
import { until } from './until.ts'

test('an unknown key in the config is refused by name, with the nearest known one', async (t) => {
  const { bench } = nodeWithOutside(t)
  bench.configure({ pathMod: 'auto' })
  const agent = bench.launch()
  assert.equal(await agent.ended, 1)
  const said = JSON.stringify(agent.lines)
  assert.match(said, /pathMod/)
  assert.match(said, /pathMode/)
  assert.ok(!run(bench.ns, 'nft', 'list', 'ruleset').includes('podlane'), 'and nothing was touched')
})

test('a missing nodes file ends the start with the file’s name, and the socket is free again', async (t) => {
  const { bench } = nodeWithOutside(t)
  bench.configure({ input: { kind: 'static', file: '/nowhere/nodes.yaml' } })
  const agent = bench.launch()
  assert.equal(await agent.ended, 1)
  assert.match(JSON.stringify(agent.lines), /\/nowhere\/nodes\.yaml/)
  bench.configure({})
  await bench.start()
})

test('the run folder is closed to others, even if somebody made it open', async (t) => {
  const { bench } = nodeWithOutside(t)
  mkdirSync(bench.runFolder)
  chmodSync(bench.runFolder, 0o777)
  await bench.start()
  const mode = (path: string): string => (statSync(path).mode & 0o777).toString(8)
  assert.deepEqual(
    [bench.runFolder, join(bench.runFolder, 'agent.sock'), join(bench.runFolder, 'cni.sock')].map(mode),
    ['700', '600', '600'],
  )
})

test('a run folder that the CNI program does not ask at is a complaint', async (t) => {
  const { bench } = nodeWithOutside(t)
  bench.env = { PODLANE_SOCKET: undefined }
  await bench.start()
  const { complaints } = await bench.status()
  assert.ok(complaints.some((c) => c.object.includes('directories.run') && c.next.includes('PODLANE_SOCKET')))
})

test('a second agent for the same folder is refused before it touches anything', async (t) => {
  const { bench } = nodeWithOutside(t)
  const first = await bench.start()
  await bench.pod('one')
  const second = bench.launch()
  assert.equal(await second.ended, 1)
  assert.match(JSON.stringify(second.lines), /another agent/)
  bench.adopt(first)
  assert.equal((await bench.status()).pods.length, 1)
})

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`${signal} ends the agent with code 0, and pods keep working`, async (t) => {
    const { bench, outside } = nodeWithOutside(t)
    await bench.start()
    const [one, two] = [await bench.pod('one'), await bench.pod('two')]
    // A DEL that has answered and whose link still stands must not hold the end up.
    const deleted = two.del()
    bench.agent.signal(signal)
    const [, ended] = await Promise.all([deleted, bench.agent.ended])
    assert.equal(ended, 0)
    assert.match(run(one.ns, 'ping', '-c1', '-W1', '192.0.2.1'), / 0% packet loss/)
    assert.match(run(outside, 'ping', '-c1', '-W1', '192.0.2.1'), / 0% packet loss/)
    await bench.start()
    await until('the deleted pod is gone', async () => (await bench.status()).pods.length <= 1)
  })
}

test('a DEL that came while no agent ran is made good when one starts', async (t) => {
  const { bench } = nodeWithOutside(t)
  await bench.start()
  const pod = await bench.pod('one')
  await bench.agent.kill()
  assert.equal((await bench.call('DEL', 'one', undefined, { waitMs: 0 })).code, 0)
  assert.equal((await bench.call('ADD', 'two', pod.ns.path, { waitMs: 0 })).json.code, 11)
  writeFileSync(join(bench.runFolder, 'deleted', 'nonsense'), 'x')
  await bench.start()
  assert.deepEqual((await bench.status()).pods, [])
  await until('its link is gone', () => !run(bench.ns, 'ip', 'link').includes('podlane1'))
})
