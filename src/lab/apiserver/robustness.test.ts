import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { systemClock } from '../../base/clock.ts'
import { silentLog } from '../../base/log.ts'
import { must, ok } from '../../base/result.ts'
import { createControlPlane } from './control_plane.ts'
import { definitions } from './definitions.ts'
import { isObject, type Json, type JsonObject, withAt } from './json.ts'
import { apiVersionOf } from './resource.ts'
import { resources } from './resources.ts'
import type { Shape } from './shape.ts'
import { tableOf } from './table.ts'

const plane = must(
  createControlPlane({
    clock: systemClock,
    log: silentLog,
    tokens: [],
    clusterRanges: [],
    serviceRanges: [],
  }),
)

/** Values of the shape, often with a hole, sometimes of another type altogether. */
function anyOf(shape: Shape, depth: number): fc.Arbitrary<Json> {
  const odd = fc.constantFrom<Json>(null, '', 'x', -1, 70_000, true, {}, [], [null])
  const fit = (): fc.Arbitrary<Json> => {
    switch (shape.is) {
      case 'ref':
        return depth === 0 ? fc.constant({}) : objectOf(shape.name, depth - 1)
      case 'map':
        return fc.dictionary(fc.constantFrom('a', 'b/c', 'Ä'), fc.constantFrom('1', 'x y'), { maxKeys: 2 })
      case 'list':
        return fc.array(anyOf(shape.of, Math.max(0, depth - 1)), { maxLength: 2 })
      case 'integer':
        return fc.integer()
      case 'boolean':
        return fc.boolean()
      default:
        return fc.constantFrom('a', 'True', 'Ready', '10.0.0.0/24', '1')
    }
  }
  return fc.oneof({ weight: 20, arbitrary: fit() }, { weight: 1, arbitrary: odd })
}

function objectOf(name: string, depth: number): fc.Arbitrary<JsonObject> {
  const fields = Object.entries(definitions[name]?.fields ?? {}).map(
    ([key, shape]) => [key, fc.option(anyOf(shape, depth), { nil: undefined, freq: 2 })] as const,
  )
  return fc.record(Object.fromEntries(fields))
}

/** What a body needs so that some get past validation. */
const MENDED: Readonly<Record<string, (body: JsonObject) => JsonObject>> = {
  pods: (body) =>
    withAt(
      withAt(body, ['spec', 'restartPolicy'], 'Never'),
      ['spec', 'containers'],
      [{ name: 'c', image: 'i' }],
    ),
  services: (body) => withAt(body, ['spec', 'ports'], [{ port: 80 }]),
  endpointslices: (body) => withAt(body, ['addressType'], 'IPv4'),
}

for (const r of resources) {
  test(`no ${r.plural} of ${apiVersionOf(r)}, however odd, makes the server throw`, () => {
    let taken = 0
    const namespace = r.namespaced ? 'default' : ''
    const tryOne = (whole: JsonObject): void => {
      const made = plane.api.create(r, namespace, whole)
      if (!made.ok) {
        assert.ok(made.error.code >= 400 && made.error.code < 500)
        return
      }
      taken++
      const { name } = made.value.metadata
      const updated = plane.api.update(r, namespace, name, () => ok(whole), { status: r.hasStatus })
      const stored = updated.ok ? updated.value : made.value
      const shown = r.view ? r.view.outward(stored) : stored
      tableOf(r, [shown], { nowMs: 0, include: 'Metadata', resourceVersion: '1', columns: true })
      plane.api.remove(r, namespace, name, { gracePeriodSeconds: 0 })
    }
    fc.assert(
      fc.property(objectOf(r.definition, 3), fc.boolean(), (body, mend) => {
        const metadata = mend || !isObject(body.metadata) ? { name: 'odd' } : body.metadata
        const mended = mend ? (MENDED[r.plural]?.(body) ?? body) : body
        tryOne({ ...mended, apiVersion: apiVersionOf(r), kind: r.kind, metadata })
      }),
      { numRuns: 150 },
    )
    assert.ok(taken > 0, 'not one body was taken: the test tries nothing')
  })
}
