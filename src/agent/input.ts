// Which input feeds the tables, as the config says.

import { systemClock } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import { ok, type Result } from '../base/result.ts'
import { inClusterConnection } from '../input/kubernetes/connection.ts'
import { readKubeconfig } from '../input/kubernetes/kubeconfig.ts'
import { startKubernetesSource } from '../input/kubernetes/source.ts'
import type { RowSink, Source } from '../input/source.ts'
import { startStaticSource } from '../input/static/source.ts'
import type { Config } from '../schema/config.ts'

export async function startSource(
  config: Config,
  nodeName: string,
  sink: RowSink,
  log: Log,
): Promise<Result<Source>> {
  const common = { nodeName, sink, clock: systemClock, log }
  if (config.input.kind === 'static') return startStaticSource({ ...common, file: config.input.file })
  const { kubeconfig } = config.input
  const connection =
    kubeconfig === undefined ? inClusterConnection(process.env) : await readKubeconfig(kubeconfig)
  return connection.ok ? ok(startKubernetesSource({ ...common, connection: connection.value })) : connection
}
