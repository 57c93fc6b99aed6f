// Prometheus' text format, version 0.0.4: what GET /metrics answers.
// https://prometheus.io/docs/instrumenting/exposition_formats/

export type Labels = Readonly<Record<string, string>>
export type Sample = { readonly labels?: Labels; readonly value: number }
export type Metric = {
  /** With its unit, as `_bytes`, `_seconds`; a counter's ends in `_total`. */
  readonly name: string
  readonly type: 'counter' | 'gauge'
  readonly help: string
  readonly samples: readonly Sample[]
}

export const EXPOSITION_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

/** Metrics without a sample are left out. */
export const expositionText = (metrics: readonly Metric[]): string =>
  metrics
    .filter((metric) => metric.samples.length > 0)
    .map((metric) => `${head(metric)}${metric.samples.map((s) => line(metric.name, s)).join('')}`)
    .join('')

const head = ({ name, type, help }: Metric): string =>
  `# HELP ${name} ${help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}\n# TYPE ${name} ${type}\n`

function line(name: string, { labels = {}, value }: Sample): string {
  const pairs = Object.entries(labels).map(([key, text]) => `${key}="${escaped(text)}"`)
  return `${name}${pairs.length > 0 ? `{${pairs.join(',')}}` : ''} ${value}\n`
}

const escaped = (text: string): string =>
  text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
