import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { stringify } from 'yaml'
import {
  DASHBOARD_FILE,
  dashboardQueries,
  type Panel,
  RULE_TESTS_FILE,
  RULES_FILE,
  readAlerts,
  readDashboard,
} from './deploy_files.ts'

function promtool(...args: readonly string[]): void {
  const ran = spawnSync('promtool', args, { encoding: 'utf8', cwd: dirname(RULES_FILE) })
  assert.equal(ran.error, undefined, 'promtool is missing: run «make packages»')
  assert.equal(ran.status, 0, ran.stdout + ran.stderr)
}

test('Prometheus takes the alert rules', () => promtool('check', 'rules', RULES_FILE))

test('each alert fires where it should, after its time, and not beside it', () =>
  promtool('test', 'rules', RULE_TESTS_FILE))

test('every alert has a case in which it fires and one in which it does not, and says what to do', () => {
  const cases = readFileSync(RULE_TESTS_FILE, 'utf8')
  for (const { alert, annotations } of readAlerts()) {
    assert.ok(cases.includes(`alertname: ${alert}\n`), `no case for ${alert}`)
    assert.deepEqual(Object.keys(annotations), ['summary', 'description', 'action'], alert)
  }
})

test('Prometheus takes every query of the dashboard', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'podlane-queries-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const rules = dashboardQueries().map((expr, i) => ({ record: `query_${i}`, expr }))
  assert.ok(rules.length > 15)
  writeFileSync(join(folder, 'rules.yaml'), stringify({ groups: [{ name: 'dashboard', rules }] }))
  promtool('check', 'rules', join(folder, 'rules.yaml'))
})

test('the dashboard has one identity, panels with one each, a source that is chosen, and a word on each figure', () => {
  const { uid, title, panels, templating } = readDashboard()
  assert.deepEqual([uid, title], ['podlane', 'Podlane'])
  assert.deepEqual(
    templating.list.map((v) => v.name),
    ['source', 'node'],
  )
  assert.equal(new Set(panels.map((p) => p.id)).size, panels.length)
  for (const panel of panels.filter((p) => p.type !== 'row')) {
    assert.ok((panel.description ?? '') !== '', `${panel.title} is not explained`)
    // biome-ignore lint/suspicious/noTemplateCurlyInString: so Grafana writes a variable
    for (const target of panel.targets ?? []) assert.equal(target.datasource.uid, '${source}', panel.title)
  }
  // Nothing of the Grafana that it was drawn with.
  assert.doesNotMatch(readFileSync(DASHBOARD_FILE, 'utf8'), /https?:|localhost/)
})

test('no panel of the dashboard lies on another or beyond its 24 columns', () => {
  const { panels } = readDashboard()
  const cells = panels.flatMap(cellsOf)
  assert.equal(new Set(cells).size, cells.length)
  for (const { gridPos, title } of panels) assert.ok(gridPos.x + gridPos.w <= 24, title)
})

const cellsOf = ({ gridPos: { x, y, w, h } }: Panel): string[] =>
  Array.from({ length: w * h }, (_, i) => `${x + (i % w)} ${y + Math.floor(i / w)}`)
