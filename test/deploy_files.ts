// The files under deploy/ as tests read them: what the dashboard and the alert rules ask Prometheus for.

import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'

const file = (name: string): string => fileURLToPath(new URL(`../deploy/${name}`, import.meta.url))

export const RULES_FILE = file('prometheus/podlane-rules.yaml')
export const RULE_TESTS_FILE = file('prometheus/podlane-rules.test.yaml')
export const DASHBOARD_FILE = file('grafana/podlane.json')

type Target = { readonly expr: string; readonly datasource: { readonly uid: string } }
export type Panel = {
  readonly id: number
  readonly type: string
  readonly title: string
  readonly description?: string
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number }
  readonly targets?: readonly Target[]
}
export type Dashboard = {
  readonly uid: string
  readonly title: string
  readonly templating: { readonly list: readonly { readonly name: string }[] }
  readonly panels: readonly Panel[]
}
export type Alert = {
  readonly alert: string
  readonly expr: string
  readonly annotations: Readonly<Record<string, string>>
}

export const readDashboard = (): Dashboard => JSON.parse(readFileSync(DASHBOARD_FILE, 'utf8')) as Dashboard

export function readAlerts(): readonly Alert[] {
  const { groups } = parse(readFileSync(RULES_FILE, 'utf8')) as { groups: { rules: Alert[] }[] }
  return groups.flatMap((g) => g.rules)
}

/** As Grafana sends them, with everything chosen. */
export const dashboardQueries = (): readonly string[] =>
  readDashboard()
    .panels.flatMap((p) => p.targets ?? [])
    .map(({ expr }) => expr.replaceAll('$node', '.*').replaceAll('$__rate_interval', '5m'))

/** Every metric of ours that is asked for. */
export const watchedMetrics = (): ReadonlySet<string> =>
  new Set(
    [...dashboardQueries(), ...readAlerts().map((a) => a.expr)].flatMap(
      (query) => query.match(/\b(?:podlane|process)_[a-z0-9_]+/g) ?? [],
    ),
  )
