import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { sampleSurge } from '../../src/cli/report/testing/sample_surge.ts'
import { nodeA, twoNodes } from './fixtures.ts'
import { NodeBench } from './node_bench.ts'

const entry = join(import.meta.dirname, '../../src/cli/main.ts')

/** Not spawnSync: the test's own agents log meanwhile. */
async function report(...args: readonly string[]) {
  const child = spawn(process.execPath, [entry, 'report', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, PODLANE_LAB: 'none', NODE_V8_COVERAGE: undefined },
  })
  const ended = new Promise<number>((resolve) => child.on('close', (code) => resolve(code ?? -1)))
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)])
  return { status: await ended, stdout, stderr }
}

test('podlane report writes what two agents know, and why what they do not know is not there', async (t) => {
  const { a, b } = await twoNodes(t)
  await a.pod('one')
  const output = join(a.folder, 'report.html')
  const curves = join(a.folder, 'curves.json')
  writeFileSync(curves, JSON.stringify(sampleSurge()))
  const sockets = ['--socket', a.socket, b.socket]
  const made = await report(...sockets, '--for', '1s', '--output', output, '--surge', curves)
  assert.deepEqual([made.status, made.stderr], [0, ''])
  assert.match(made.stdout, /report\.html: \d+ KiB\n$/)
  const page = readFileSync(output, 'utf8')
  assert.match(page, /<h2>Node <bdi>a<\/bdi>/)
  assert.match(page, /<h2>Node <bdi>b<\/bdi>/)
  assert.match(page, /1 pod in 10\.244\.1\.0\/24/)
  assert.match(page, /1 peer in 192\.0\.2\.0\/24/)
  assert.match(page, /<figcaption>Latency p99<\/figcaption>/)
})

test('podlane report of an agent that is not there says so in the page and ends with 1', async (t) => {
  const a = new NodeBench(t, { name: 'a', nodes: [nodeA] })
  const output = join(a.folder, 'report.html')
  const made = await report('--socket', '/nowhere.sock', '--for', '1s', '--output', output)
  assert.equal(made.status, 1)
  assert.match(readFileSync(output, 'utf8'), /ENOENT/)
})

test('a file of curves that cannot be read, or is none, is named, and nothing is written', async (t) => {
  const a = new NodeBench(t, { name: 'a', nodes: [nodeA] })
  const output = join(a.folder, 'report.html')
  const curves = join(a.folder, 'curves.json')
  writeFileSync(curves, '{"paths":[{"path":"x","steps":[{}]}]}')
  for (const [file, words] of [
    [curves, /curves\.json: wanted curves of «make bench-surge», found paths\.0\.steps\.0\.direction: /],
    ['/nowhere.json', /ENOENT/],
  ] as const) {
    const { status, stderr } = await report(
      '--socket',
      '/nowhere.sock',
      '--for',
      '1s',
      '--output',
      output,
      '--surge',
      file,
    )
    assert.ok(status > 0)
    assert.match(stderr, words)
  }
  assert.equal(existsSync(output), false)
})
