// Measures the Kubernetes source on lists of real size: 1,000 nodes of 12 KB and 50,000 pods of 6 KB. The API server
// runs in a process of its own, so that the memory shown is the agent's side alone. `node --expose-gc bench/input.ts`

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { systemClock } from '../src/base/clock.ts'
import { silentLog } from '../src/base/log.ts'
import { startKubernetesSource } from '../src/input/kubernetes/source.ts'
import { type ApiObject, FaultServer, nodeObject, podObject } from '../src/input/testing/fault-server.ts'
import { RecordingSink } from '../src/input/testing/recording-sink.ts'

const nodeCount = 1_000
const podCount = 50_000

/** As much text beside the fields that we read as a kubelet writes: images, conditions, managed fields. */
function padded(object: ApiObject, bytes: number, labels: Record<string, string>): ApiObject {
  const managedFields = Array.from({ length: Math.round(bytes / 120) }, (_, i) => ({
    manager: 'kubelet',
    operation: 'Update',
    fieldsType: 'FieldsV1',
    fieldsV1: { [`f:status/${i}`]: { 'f:type': {}, 'f:value': '"quoted \\ text"' } },
  }))
  return { ...object, metadata: { ...object.metadata, labels, managedFields } }
}

async function serve(pods: number): Promise<void> {
  const server = new FaultServer()
  for (let i = 0; i < nodeCount; i++)
    server.put('nodes', padded(nodeObject(`node-${i}`, `10.1.${i >> 8}.${i & 255}`), 12_000, {}))
  for (let i = 0; i < pods; i++) {
    const labels = {
      app: `app-${i % 200}`,
      'pod-template-hash': `h${i % 400}`,
      tier: 'web',
      version: `v${i % 9}`,
    }
    server.put(
      'pods',
      padded(podObject(`pod-${i}`, 'a', `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`), 6_000, labels),
    )
  }
  process.send?.((await server.listen()).href)
}

async function measure(pods: number): Promise<Record<string, number>> {
  const child = fork(import.meta.filename, ['serve', String(pods)])
  const [href] = await once(child, 'message')
  gc?.()
  const before = process.memoryUsage()
  let peakRss = 0
  const sampler = setInterval(() => {
    peakRss = Math.max(peakRss, process.memoryUsage.rss())
  }, 20)
  const sink = new RecordingSink()
  const connection = {
    server: new URL(String(href)),
    ca: undefined,
    clientCert: undefined,
    serverName: undefined,
  }
  const cpu = process.cpuUsage()
  const beganMs = performance.now()
  const source = startKubernetesSource({
    connection: { ...connection, insecure: false, token: undefined },
    ...{ nodeName: 'a', sink, clock: systemClock, log: silentLog },
  })
  await sink.until(() => sink.calls.includes('nodes'), 60_000)
  const nodesMs = performance.now() - beganMs
  await sink.until(() => sink.lastStatus?.synced === true, 60_000)
  const allMs = performance.now() - beganMs
  const { user, system } = process.cpuUsage(cpu)
  clearInterval(sampler)
  gc?.()
  const { heapUsed, rss } = process.memoryUsage()
  await source.close()
  child.kill()
  const mb = (bytes: number): number => Math.round(bytes / 2 ** 20)
  return {
    nodes: sink.nodeRows.size,
    pods: sink.podRows.size,
    'nodes.sync.ms': Math.round(nodesMs),
    'all.sync.ms': Math.round(allMs),
    'all.cpu.ms': Math.round((user + system) / 1000),
    'rows.heap.mb': mb(heapUsed - before.heapUsed),
    'rss.before.mb': mb(before.rss),
    'rss.peak.mb': mb(peakRss),
    'rss.after.mb': mb(rss),
  }
}

if (process.argv[2] === 'serve') await serve(Number(process.argv[3]))
else for (const pods of [0, podCount]) console.log(JSON.stringify(await measure(pods)))
