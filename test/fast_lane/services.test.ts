import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { families, fastCluster } from './cluster.ts'
import { type ProxyMode, proxyModes } from './kube_proxy.ts'
import { byClsact, onEveryLane, onMixedLanes, type Setting } from './lanes.ts'
import { servedCluster, serviceCases } from './service_cases.ts'
import { converse, protocols } from './talk.ts'

async function askAll(t: TestContext, setting: Setting, mode: ProxyMode): Promise<void> {
  const served = await servedCluster(t, await fastCluster(t, setting), mode)
  for (const v of families)
    for (const protocol of protocols)
      for (const { what, seen, ...question } of serviceCases(served, v, setting.path)) {
        const title = `${what}, ${protocol}, IPv${v}`
        const got = await converse({ ...question, protocol }).catch((why: Error) =>
          assert.fail(`${title}: ${why.message}`),
        )
        for (const address of got) assert.ok(seen.includes(address), `${title}: seen as ${got}, not ${seen}`)
      }
}

for (const mode of proxyModes)
  for (const each of [onEveryLane, onMixedLanes, byClsact])
    each(`services by kube-proxy’s ${mode} rules answer from the address that was asked`, (t, setting) =>
      askAll(t, setting, mode),
    )
