import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { listAt, objectAt, textAt } from './json.ts'
import { type ServedLab, serveLab, TOKEN } from './served_lab.ts'

let lab: ServedLab
before(async () => {
  lab = await serveLab({ scheduler: false })
})
after(() => lab.close())

const pod = (name: string, more: object = {}) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, ...more },
  spec: { containers: [{ name: 'c', image: 'busybox' }] },
})
const PODS = '/api/v1/namespaces/default/pods'

test('a request without the token, or with another one, is unauthorized', async () => {
  for (const authorization of ['', 'Bearer ', 'Bearer wrong', `Basic ${TOKEN}`]) {
    const { code, body } = await lab.call('GET', PODS, undefined, { authorization })
    assert.equal(code, 401)
    assert.equal(body.reason, 'Unauthorized')
  }
})

test('a token that was replaced is refused, the new one let in', async () => {
  lab.server.setTokens(['new'])
  assert.equal((await lab.call('GET', PODS)).code, 401)
  assert.equal((await lab.call('GET', PODS, undefined, { authorization: 'Bearer new' })).code, 200)
  lab.server.setTokens([TOKEN])
})

test('an unknown path is NotFound, an unknown method not allowed', async () => {
  assert.equal((await lab.call('GET', '/apis/none/v1/things')).body.reason, 'NotFound')
  assert.equal((await lab.call('POST', `${PODS}/x`, pod('x'))).body.reason, 'MethodNotAllowed')
  assert.equal((await lab.call('GET', '/api/v1/namespaces/a%2')).code, 404)
})

test('a created pod has identity, defaults and phase Pending', async () => {
  const { code, body } = await lab.call('POST', PODS, pod('made'))
  assert.equal(code, 201)
  assert.match(textAt(body, 'metadata', 'uid'), /^[0-9a-f-]{36}$/)
  assert.equal(textAt(body, 'metadata', 'namespace'), 'default')
  assert.equal(textAt(body, 'spec', 'restartPolicy'), 'Always')
  assert.deepEqual(body.status, { phase: 'Pending', qosClass: 'BestEffort' })
})

test('an invalid pod is refused with every cause', async () => {
  const wrong = { ...pod('Bad_Name'), spec: { containers: [{ name: 'c' }, { name: 'c', image: 'x' }] } }
  const { code, body } = await lab.call('POST', PODS, wrong)
  assert.equal(code, 422)
  assert.equal(body.reason, 'Invalid')
  const causes = listAt(body, 'details', 'causes').map((c) => `${textAt(c, 'reason')} ${textAt(c, 'field')}`)
  assert.deepEqual(causes, [
    'FieldValueInvalid metadata.name',
    'FieldValueRequired spec.containers[0].image',
    'FieldValueDuplicate spec.containers[1].name',
  ])
})

test('generateName gives a name of its own to each', async () => {
  const make = () => lab.call('POST', PODS, { ...pod(''), metadata: { generateName: 'gen-' } })
  const names = [
    textAt((await make()).body, 'metadata', 'name'),
    textAt((await make()).body, 'metadata', 'name'),
  ]
  for (const name of names) assert.match(name, /^gen-[a-z0-9]{5}$/)
  assert.notEqual(names[0], names[1])
})

test('an object needs a namespace that exists', async () => {
  const { code, body } = await lab.call('POST', '/api/v1/namespaces/nowhere/pods', pod('x'))
  assert.equal(code, 404)
  assert.equal(body.message, 'namespaces "nowhere" not found')
})

test('an update from an old revision conflicts, one from the present is taken', async () => {
  const { body } = await lab.call('POST', PODS, pod('locked'))
  const labelled = { ...body, metadata: { ...objectAt(body, 'metadata'), labels: { a: '1' } } }
  assert.equal((await lab.call('PUT', `${PODS}/locked`, labelled)).code, 200)
  const again = await lab.call('PUT', `${PODS}/locked`, labelled)
  assert.equal(again.code, 409)
  assert.equal(again.body.reason, 'Conflict')
})

test('status and spec change only through their own endpoints', async () => {
  const { body } = await lab.call('POST', PODS, pod('two-sided'))
  const running = { ...body, status: { phase: 'Running' } }
  const main = await lab.call('PUT', `${PODS}/two-sided`, running)
  assert.equal(textAt(main.body, 'status', 'phase'), 'Pending')
  const status = await lab.call('PUT', `${PODS}/two-sided/status`, { ...running, spec: { containers: [] } })
  assert.equal(textAt(status.body, 'status', 'phase'), 'Running')
  assert.equal(listAt(status.body, 'spec', 'containers').length, 1)
})

test('the spec of a living pod is fixed, but for images', async () => {
  await lab.call('POST', PODS, pod('fixed'))
  const patch = (spec: object) =>
    lab.call('PATCH', `${PODS}/fixed`, { spec }, { 'content-type': 'application/strategic-merge-patch+json' })
  assert.equal((await patch({ containers: [{ name: 'c', image: 'other' }] })).code, 200)
  assert.equal((await patch({ hostNetwork: true })).body.reason, 'Invalid')
})

test('unknown fields are refused when asked strictly and warned of otherwise', async () => {
  const odd = { ...pod('odd'), spec: { containers: [{ name: 'c', image: 'x', imag: 'y' }] } }
  const strict = await lab.call('POST', `${PODS}?fieldValidation=Strict`, odd)
  assert.match(textAt(strict.body, 'message'), /unknown field "spec.containers\[0\].imag"/)
  const warned = await lab.call('POST', PODS, odd)
  assert.match(warned.headers.get('warning') ?? '', /unknown field/)
})

test('a field of the wrong type and a body that is no JSON are bad requests', async () => {
  const typed = await lab.call('POST', PODS, { ...pod('typed'), spec: { containers: 'none' } })
  assert.equal(typed.body.reason, 'BadRequest')
  assert.equal((await lab.call('POST', PODS, '{"a":')).code, 400)
  assert.equal((await lab.call('POST', PODS, 'x', { 'content-type': 'text/plain' })).code, 415)
  const protobuf = { 'content-type': 'application/vnd.kubernetes.protobuf' }
  assert.equal((await lab.call('POST', PODS, 'k8s\0\x0a\xff', protobuf)).code, 415)
})

test('a body above 3 MiB is too large', async () => {
  const big = pod('big', { annotations: { a: 'x'.repeat(3 << 20) } })
  assert.equal((await lab.call('POST', PODS, big)).code, 413)
})

test('dry run answers as if and writes nothing', async () => {
  assert.equal((await lab.call('POST', `${PODS}?dryRun=All`, pod('dry'))).code, 201)
  assert.equal((await lab.call('GET', `${PODS}/dry`)).code, 404)
})

test('a deletion with the wrong uid in its preconditions conflicts', async () => {
  await lab.call('POST', PODS, pod('kept'))
  const wrong = { preconditions: { uid: 'other' } }
  assert.equal((await lab.call('DELETE', `${PODS}/kept`, wrong)).code, 409)
})

test('server-side apply creates, changes and takes back what it applied', async () => {
  const path = '/api/v1/namespaces/default/configmaps/applied?fieldManager=me'
  const apply = (data: object) =>
    lab.call(
      'PATCH',
      path,
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'applied' }, data },
      APPLY,
    )
  assert.equal((await apply({ a: '1', b: '2' })).code, 201)
  const next = await apply({ b: '3' })
  assert.equal(next.code, 200)
  assert.deepEqual(next.body.data, { b: '3' })
})
const APPLY = { 'content-type': 'application/apply-patch+yaml' }

test('the pages of a list come from one moment, whatever changes between them', async () => {
  await lab.call('POST', '/api/v1/namespaces', { metadata: { name: 'paged' } })
  const path = '/api/v1/namespaces/paged/configmaps'
  for (const name of ['a', 'b', 'c', 'd', 'e']) await lab.call('POST', path, { metadata: { name } })
  const first = await lab.call('GET', `${path}?limit=2`)
  await lab.call('DELETE', `${path}/d`)
  await lab.call('POST', path, { metadata: { name: 'bb' } })
  const token = textAt(first.body, 'metadata', 'continue')
  const second = await lab.call('GET', `${path}?limit=2&continue=${token}`)
  const third = await lab.call(
    'GET',
    `${path}?limit=2&continue=${textAt(second.body, 'metadata', 'continue')}`,
  )
  const pages = [first, second, third]
  const names = pages.map(({ body }) => listAt(body, 'items').map((i) => textAt(i, 'metadata', 'name')))
  assert.deepEqual(names, [['a', 'b'], ['c', 'd'], ['e']])
  assert.equal(new Set(pages.map(({ body }) => textAt(body, 'metadata', 'resourceVersion'))).size, 1)
  assert.equal(textAt(first.body, 'metadata', 'remainingItemCount'), '3')
  assert.equal(textAt(third.body, 'metadata', 'continue'), '')
})

test('a continued list whose history is gone is expired', async () => {
  const path = '/api/v1/namespaces'
  const token = textAt((await lab.call('GET', `${path}?limit=1`)).body, 'metadata', 'continue')
  lab.server.faults.expireHistory()
  const next = await lab.call('GET', `${path}?limit=1&continue=${token}`)
  assert.equal(next.code, 410)
  assert.equal(next.body.reason, 'Expired')
})

test('a list at a revision that is still to come is refused, at an older one answered with the present', async () => {
  const far = await lab.call('GET', `${PODS}?resourceVersion=999999999`)
  assert.equal(far.code, 504)
  assert.equal(textAt(listAt(far.body, 'details', 'causes')[0], 'reason'), 'ResourceVersionTooLarge')
  assert.equal(
    (await lab.call('GET', `${PODS}?resourceVersion=1&resourceVersionMatch=NotOlderThan`)).code,
    200,
  )
  assert.equal((await lab.call('GET', `${PODS}?resourceVersion=1&resourceVersionMatch=Exact`)).code, 410)
})

test('a list without pods is an empty list, and items do not repeat their kind', async () => {
  const none = await lab.call('GET', `${PODS}?labelSelector=none`)
  assert.deepEqual(none.body.items, [])
  assert.equal(none.body.kind, 'PodList')
  const all = await lab.call('GET', PODS)
  assert.equal(textAt(listAt(all.body, 'items')[0], 'kind'), '')
})

test('a refused request gets the failure as often as told', async () => {
  lab.server.faults.refuse({ code: 503, reason: 'ServiceUnavailable', message: 'no' }, 1)
  assert.equal((await lab.call('GET', PODS)).code, 503)
  assert.equal((await lab.call('GET', PODS)).code, 200)
})

test('several sockets serve the same cluster', async () => {
  const port = await lab.server.listen({ host: '127.0.0.1', port: 0 })
  const response = await fetch(`http://127.0.0.1:${port}/readyz`)
  assert.equal(await response.text(), 'ok')
})
