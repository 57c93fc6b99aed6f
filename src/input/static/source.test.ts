import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { systemClock } from '../../base/clock.ts'
import { silentLog } from '../../base/log.ts'
import { must, type Result } from '../../base/result.ts'
import type { Source } from '../source.ts'
import { RecordingSink } from '../testing/recording-sink.ts'
import { startStaticSource } from './source.ts'

const two = `
nodes:
  - name: a
    addresses: [192.0.2.1]
    podCIDRs: [10.244.0.0/24]
  - name: b
    addresses: [192.0.2.2, "2001:db8::2"]
pods:
  - {name: web, node: a, addresses: [10.244.0.2]}
  - {name: other, node: b}
`
const one = 'nodes: [{name: c, addresses: [192.0.2.3]}]\n'

let folder = ''
let file = ''
let sink = new RecordingSink()
let source: Source | undefined

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'podlane-static-'))
  file = join(folder, 'nodes.yaml')
  sink = new RecordingSink()
})
afterEach(async () => {
  await source?.close()
  source = undefined
  rmSync(folder, { recursive: true, force: true })
})

async function start(pollMs = 60_000): Promise<Result<Source>> {
  const options = { file, nodeName: 'a', sink, clock: systemClock, log: silentLog, pollMs, settleMs: 10 }
  const started = await startStaticSource(options)
  if (started.ok) source = started.value
  return started
}

async function startWith(text: string, pollMs?: number): Promise<void> {
  writeFileSync(file, text)
  must(await start(pollMs))
}

const nodesAre = (...names: string[]) => sink.until(() => sink.nodeNames().join() === names.join())

test('the rows are there before the start returns', async () => {
  await startWith(two)
  assert.deepEqual(sink.nodeNames(), ['a', 'b'])
  assert.deepEqual(sink.nodeRows.get('b'), {
    name: 'b',
    addresses: ['192.0.2.2', '2001:db8::2'],
    podCidrs: [],
    complaints: [],
  })
  assert.equal(sink.lastStatus?.synced, true)
})

test('only the pods of this node are rows', async () => {
  await startWith(two)
  assert.deepEqual([...sink.podRows.keys()], ['default/web'])
})

test('an edit in place is taken', async () => {
  await startWith(two)
  writeFileSync(file, one)
  await nodesAre('c')
})

test('an edit by atomic rename is taken', async () => {
  await startWith(two)
  writeFileSync(join(folder, 'new'), one)
  renameSync(join(folder, 'new'), file)
  await nodesAre('c')
})

test('a symlink swapped in the folder, as the kubelet mounts a ConfigMap, is taken', async () => {
  for (const [version, text] of Object.entries({ v1: two, v2: one })) {
    mkdirSync(join(folder, version))
    writeFileSync(join(folder, version, 'nodes.yaml'), text)
  }
  symlinkSync('v1', join(folder, '..data'))
  symlinkSync('..data/nodes.yaml', file)
  must(await start())
  symlinkSync('v2', join(folder, '..new'))
  renameSync(join(folder, '..new'), join(folder, '..data'))
  await nodesAre('c')
})

test('a change that no event announces is found by polling', async () => {
  const elsewhere = mkdtempSync(join(tmpdir(), 'podlane-static-'))
  writeFileSync(join(elsewhere, 'real.yaml'), two)
  symlinkSync(join(elsewhere, 'real.yaml'), file)
  must(await start(20))
  writeFileSync(join(elsewhere, 'real.yaml'), one)
  await nodesAre('c')
  rmSync(elsewhere, { recursive: true })
})

test('a bad edit keeps the last good rows and is named in the status', async () => {
  await startWith(two)
  writeFileSync(file, one.replace('addresses', 'adresses'))
  await sink.until(() => sink.lastStatus?.message.includes('nearest is nodes[0].addresses') === true)
  assert.deepEqual(sink.nodeNames(), ['a', 'b'])
  assert.equal(sink.lastStatus?.lostSinceMs, undefined)
  writeFileSync(file, one)
  await nodesAre('c')
})

test('a file that went away keeps the rows, is said to be lost, and recovers with the same text', async () => {
  await startWith(two)
  renameSync(file, join(folder, 'gone'))
  await sink.until(() => sink.lastStatus?.lostSinceMs !== undefined)
  assert.deepEqual(sink.nodeNames(), ['a', 'b'])
  renameSync(join(folder, 'gone'), file)
  await sink.until(() => sink.lastStatus?.lostSinceMs === undefined)
})

test('a bad file at the start is a fault that names file, line and key', async () => {
  const cases: readonly (readonly [string, RegExp])[] = [
    ['nodes:\n  - name: a\n    addresses: [1.2.3]\n', /nodes.yaml line 3, key nodes\[0\].addresses\[0\]$/],
    ['nodes:\n  - name: a\n', /nodes.yaml line 2, key nodes\[0\].addresses$/],
    ['nodez: []\n', /nodes.yaml line 1, key nodez$/],
    [`${one}pods: [{name: p}, {name: p}]\n`, /nodes.yaml line 2, key pods\[1\].name$/],
    [
      'nodes:\n- {name: a, addresses: [fd00::1]}\n- {name: a, addresses: [fd00::2]}\n',
      /line 3, key nodes\[1\].name$/,
    ],
    [
      'nodes: [{name: a, addresses: [fd00::1], podCIDRs: [10.0.0.0/24, 10.1.0.0/24]}]',
      /nodes\[0\].podCIDRs$/,
    ],
    ['nodes: [', /nodes.yaml line 1$/],
  ]
  for (const [text, where] of cases) {
    writeFileSync(file, text)
    const started = await start()
    assert.ok(!started.ok, text)
    assert.match(started.error.object, where)
  }
  assert.equal(sink.nodeRows.size, 0)
})

test('a missing file at the start is a fault', async () => {
  const started = await start()
  assert.ok(!started.ok && started.error.kind === 'bad-file')
})
