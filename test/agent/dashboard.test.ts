import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { dashboardQueries, RULES_FILE, readAlerts } from '../deploy_files.ts'
import { nodeA, nodeB } from './fixtures.ts'
import { join2, NodeBench } from './node_bench.ts'
import { start } from './programs.ts'
import { until } from './until.ts'

const AGENT = '127.0.0.1:9474'
const PROMETHEUS = '127.0.0.1:9090'

/** Short enough that a rate has its two samples soon. */
const config = `
global: { scrape_interval: 500ms, evaluation_interval: 1s }
rule_files: [${RULES_FILE}]
scrape_configs:
  - job_name: podlane
    static_configs: [{ targets: ['${AGENT}'] }]
`

type Answer = { readonly status: string; readonly data: { readonly result: readonly unknown[] } }
type Rules = {
  readonly data: {
    readonly groups: readonly {
      readonly rules: readonly { readonly name: string; readonly health: string }[]
    }[]
  }
}

test('a real Prometheus answers every panel of the dashboard from a real agent, and reckons every alert', async (t) => {
  const nodes = [nodeA, nodeB]
  const a = new NodeBench(t, { name: 'a', nodes, config: { http: { listen: AGENT } } })
  const b = new NodeBench(t, { name: 'b', nodes })
  join2(a.ns, b.ns, { a: ['192.0.2.1/24'], b: ['192.0.2.2/24'] })
  await Promise.all([a.start(), b.start()])
  const [one, far] = [await a.pod('one'), await b.pod('far')]
  start(t, one.ns, 'ping', '-q', '-i', '0.01', far.ips[0] ?? '')
  const folder = join(a.folder, 'prometheus')
  mkdirSync(folder)
  writeFileSync(join(folder, 'config.yaml'), config)
  const server = start(
    t,
    a.ns,
    'prometheus',
    `--config.file=${join(folder, 'config.yaml')}`,
    `--storage.tsdb.path=${folder}`,
    `--web.listen-address=${PROMETHEUS}`,
  )
  const ask = (path: string): string =>
    spawnSync(
      'nsenter',
      [`--net=${a.ns.path}`, 'busybox', 'wget', '-qO-', `http://${PROMETHEUS}/api/v1/${path}`],
      {
        encoding: 'utf8',
      },
    ).stdout
  const series = (query: string): number => {
    const text = ask(`query?query=${encodeURIComponent(query)}`)
    return text === '' ? 0 : (JSON.parse(text) as Answer).data.result.length
  }
  await until(
    `every query has an answer (${server.output().slice(-300)})`,
    () => dashboardQueries().every((query) => series(query) > 0),
    40_000,
  )
  const { data } = JSON.parse(ask('rules')) as Rules
  const rules = data.groups.flatMap((g) => g.rules)
  assert.deepEqual(
    rules.map((r) => `${r.name} ${r.health}`).toSorted(),
    readAlerts()
      .map(({ alert }) => `${alert} ok`)
      .toSorted(),
  )
})
