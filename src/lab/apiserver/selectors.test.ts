import assert from 'node:assert/strict'
import { test } from 'node:test'
import { kubeObject } from './object.ts'
import { parseFieldSelector, parseLabelSelector } from './selectors.ts'

const web = kubeObject({
  metadata: { name: 'web', namespace: 'a', labels: { app: 'web', tier: 'front', 'x.io/n': '7' } },
  spec: { nodeName: 'n1' },
  status: { phase: 'Running' },
})

const labelCases: readonly (readonly [string, boolean])[] = [
  ['', true],
  ['app=web', true],
  ['app==web,tier=front', true],
  ['app=web,tier=back', false],
  ['app!=web', false],
  ['none!=web', true],
  ['app in (api, web)', true],
  ['app in (api),tier', false],
  ['app notin (api,web)', false],
  ['none notin (api)', true],
  ['app', true],
  ['!app', false],
  ['!none', true],
  ['x.io/n>6', true],
  ['x.io/n<6', false],
  ['app=', false],
]

for (const [text, wanted] of labelCases) {
  test(`labels ${JSON.stringify(text)} ${wanted ? 'select' : 'leave out'} the pod`, () => {
    const parsed = parseLabelSelector(text)
    assert.ok(parsed.ok)
    assert.equal(parsed.value(web), wanted)
  })
}

for (const text of ['app in web', '=x', 'app in (', 'a b']) {
  test(`the label selector ${JSON.stringify(text)} is refused`, () => {
    const parsed = parseLabelSelector(text)
    assert.equal(parsed.ok, false)
  })
}

const FIELDS = ['metadata.name', 'spec.nodeName', 'status.phase', 'spec.hostNetwork', 'spec.unschedulable']
const fieldCases: readonly (readonly [string, boolean])[] = [
  ['spec.nodeName=n1', true],
  ['spec.nodeName==n2', false],
  ['spec.nodeName!=n2,metadata.name=web', true],
  ['spec.nodeName=n1,status.phase!=Succeeded,status.phase!=Failed', true],
  ['spec.hostNetwork=false', true],
  ['status.phase=', false],
]

for (const [text, wanted] of fieldCases) {
  test(`fields ${JSON.stringify(text)} ${wanted ? 'select' : 'leave out'} the pod`, () => {
    const parsed = parseFieldSelector(text, FIELDS)
    assert.ok(parsed.ok)
    assert.equal(parsed.value(web), wanted)
  })
}

test('a field that the resource cannot select by is refused by name', () => {
  const parsed = parseFieldSelector('spec.image=x', FIELDS)
  assert.ok(!parsed.ok)
  assert.equal(parsed.error.message, 'field label not supported: spec.image')
})
