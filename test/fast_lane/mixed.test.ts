import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addressOf } from '../guard/cluster.ts'
import { families, fastCluster } from './cluster.ts'
import { echo } from './echo.ts'
import { lanes, paths } from './lanes.ts'
import { converse, protocols } from './talk.ts'

for (const path of paths)
  for (const one of lanes)
    for (const two of lanes)
      test(`pods talk both ways between a node on the ${one} lane and one on the ${two} lane, path ${path}`, async (t) => {
        const { nodes } = await fastCluster(t, { path, lane: [one, two] })
        const pods = [await nodes[0].pod('left'), await nodes[1].pod('right')]
        for (const pod of pods)
          for (const address of pod.addresses) await echo(t, { ns: pod.ns, ip: address, port: 8080 })
        for (const [from, to] of [pods, pods.toReversed()])
          for (const v of families)
            for (const protocol of protocols) {
              assert.ok(from && to)
              const seen = await converse({ from: from.ns, to: addressOf(to, v), port: 8080, protocol })
              assert.deepEqual(seen, [addressOf(from, v)], `${protocol} over IPv${v}`)
            }
      })
