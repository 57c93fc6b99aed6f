import './lab_name.ts'
import assert from 'node:assert/strict'
import { execFile, execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'
import { must } from '../src/base/result.ts'
import { takeDown } from '../src/lab/down.ts'
import { enter } from '../src/lab/enter.ts'
import { type Ends, findEnds } from '../src/lab/ramp/ends.ts'
import { generatorProgram, offer } from '../src/lab/ramp/generator.ts'
import { setPairLane } from '../src/lab/ramp/pair_lane.ts'
import { steer } from '../src/lab/ramp/steering.ts'
import { askAgentStatus } from '../src/lab/status.ts'
import { waitForLane } from './lab_lane.ts'
import { bringUp } from './lab_runs.ts'

const root = join(import.meta.dirname, '..')
const entry = join(root, 'src/cli/main.ts')

const laneTo = async (node: string, peer: string) =>
  must(await askAgentStatus(node)).peers.find((p) => p.name === peer)?.lane

/** What the node's own sysfs says of the client pod's interface. */
async function steeredTo({ from }: Ends): Promise<string> {
  const file = `/sys/class/net/${from.hostInterface}/queues/rx-0/rps_cpus`
  const script = `mount -t sysfs sysfs /sys && cat ${file}`
  const [program = '', ...args] = must(await enter(from.node, ['unshare', '--mount', 'sh', '-c', script]))
  return execFileSync(program, args, { encoding: 'utf8' }).trim()
}

describe('a ramp in the lab', () => {
  before(async () => {
    execFileSync('make', ['-s', 'dist/bench-traffic'], { cwd: root })
    await bringUp({ nodes: 2, pods: 1 })
    await waitForLane('node1', 'node2', 'fast')
  })
  after(async () => void must(await takeDown()))

  test('two pods are found by name, and a wrong name is answered with the right ones', async () => {
    const ends = must(await findEnds('node1-pod1', 'default/node2-pod1'))
    assert.equal(ends.path, 'direct')
    assert.ok(ends.from.hostInterface !== '' && ends.from.node === 'node1' && ends.to.node === 'node2')
    const wrong = await findEnds('node1-pod7', 'node2-pod1')
    assert.ok(!wrong.ok && /node1-pod1, node2-pod1/.test(wrong.error.found))
    const same = await findEnds('node1-pod1', 'node1-pod1')
    assert.ok(!same.ok && /both on node1/.test(same.error.found))
  })

  test('the pair’s lane is switched both ways and back, and steering is set and taken away', async () => {
    const ends = must(await findEnds('node1-pod1', 'node2-pod1'))
    must(await setPairLane(ends, 'plain'))
    for (const [node, peer] of [
      ['node1', 'node2'],
      ['node2', 'node1'],
    ] as const)
      assert.equal((await laneTo(node, peer))?.lane, 'plain')
    must(await setPairLane(ends, 'default'))
    await waitForLane('node2', 'node1', 'fast')
    must(await steer(ends, [0]))
    assert.match(await steeredTo(ends), /^0*1$/)
    must(await steer(ends, []))
    assert.match(await steeredTo(ends), /^0*$/)
  })

  test('the generator’s requests take the lane that was asked for, and are answered', async () => {
    const ends = must(await findEnds('node1-pod1', 'node2-pod1'))
    must(await setPairLane(ends, 'plain'))
    const before = (await laneTo('node1', 'node2'))?.sent.plain.packets ?? 0
    const load = { rps: 500, before: 500, ms: 500, seed: 1 }
    const step = must(await offer(must(generatorProgram()), ends, { generator: 1, path: [0] }, load))
    const sent = ((await laneTo('node1', 'node2'))?.sent.plain.packets ?? 0) - before
    must(await setPairLane(ends, 'default'))
    assert.ok(step.offered > 300 && step.served > 0, JSON.stringify(step))
    assert.ok(sent > 100, `${sent} packets in the plain lane`)
    assert.ok(step.cores.length === 1 && step.cores.every((c) => c.busy >= c.softirq && c.busy <= 1))
  })

  test('podlane bench ramp measures both lanes, and the pair has its default lane afterwards', async () => {
    const argv = [entry, 'bench', 'ramp', '--look', '0.04s', '--json']
    const { stdout } = await promisify(execFile)(process.execPath, argv, { timeout: 120_000 })
    const report = JSON.parse(stdout)
    assert.deepEqual(
      report.lanes.map((l: { lane: string }) => l.lane),
      ['plain', 'fast'],
    )
    for (const { steps } of report.lanes) assert.ok(steps.length >= 2)
    for (const { askers } of report.lanes)
      assert.ok(askers.points.length === 10 && askers.points[0].rps > 100)
    assert.equal(report.words.length, 5)
    await waitForLane('node1', 'node2', 'fast')
    assert.match(await steeredTo(must(await findEnds('node1-pod1', 'node2-pod1'))), /^0*$/)
  })
})
