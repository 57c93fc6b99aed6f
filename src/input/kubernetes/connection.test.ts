import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, test } from 'node:test'
import type { TLSSocket } from 'node:tls'
import { stringify } from 'yaml'
import { type Clock, systemClock } from '../../base/clock.ts'
import { silentLog } from '../../base/log.ts'
import { must } from '../../base/result.ts'
import type { Source } from '../source.ts'
import { FaultServer, nodeObject } from '../testing/fault-server.ts'
import { RecordingSink } from '../testing/recording-sink.ts'
import { type Connection, inClusterConnection } from './connection.ts'
import { parseKubeconfig, readKubeconfig } from './kubeconfig.ts'
import { startKubernetesSource } from './source.ts'

let folder = ''
let server: FaultServer | undefined
let source: Source | undefined
let sink = new RecordingSink()

const path = (name: string): string => join(folder, name)
const pem = (name: string): string => readFileSync(path(name), 'utf8')
const openssl = (...args: string[]): void => {
  execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' })
}

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'podlane-tls-'))
  const key = (name: string): string[] => [
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-keyout',
    name,
  ]
  for (const ca of ['ca', 'other'])
    openssl('req', '-x509', ...key(`${ca}.key`), '-out', `${ca}.crt`, '-subj', `/CN=${ca}`, '-days', '2')
  const issue = (name: string, san: string): void => {
    writeFileSync(path('ext'), `subjectAltName=${san}\n`)
    openssl('req', ...key(`${name}.key`), '-out', `${name}.csr`, '-subj', `/CN=${name}`)
    openssl(
      ...['x509', '-req', '-in', `${name}.csr`, '-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial'],
      ...['-out', `${name}.crt`, '-days', '2', '-extfile', 'ext'],
    )
  }
  issue('server', 'IP:127.0.0.1,IP:::1,DNS:kubernetes')
  issue('named', 'DNS:api.example')
  issue('client', 'DNS:agent')
})
after(() => rmSync(folder, { recursive: true, force: true }))
afterEach(async () => {
  await source?.close()
  await server?.close()
  source = undefined
  server = undefined
})

async function serve(cert?: string, needsClient = false, host?: string): Promise<string> {
  const tls = cert && { cert: pem(`${cert}.crt`), key: pem(`${cert}.key`) }
  const clients = needsClient ? { requestCert: true, rejectUnauthorized: true, ca: pem('ca.crt') } : {}
  server = new FaultServer(tls ? { ...tls, ...clients } : undefined)
  server.put('nodes', nodeObject('a'))
  return (await server.listen(0, host)).href
}

function start(connection: Connection, clock: Clock = systemClock): void {
  sink = new RecordingSink()
  const backoff = { baseMs: 5, firstCapMs: 20 }
  source = startKubernetesSource({ connection, nodeName: 'a', sink, clock, log: silentLog, backoff })
}

const inSync = () => sink.until(() => sink.lastStatus?.synced === true)
const says = (text: RegExp) => sink.until(() => text.test(sink.lastStatus?.message ?? ''))

/** A kubeconfig with one cluster and one user. */
const kubeconfig = (cluster: object, user: object = {}): string =>
  stringify({
    'current-context': 'c',
    contexts: [{ name: 'c', context: { cluster: 'k', user: 'u' } }],
    clusters: [{ name: 'k', cluster }],
    users: [{ name: 'u', user }],
  })
const connect = (cluster: object, user?: object): Connection =>
  must(parseKubeconfig(kubeconfig(cluster, user), path('kubeconfig')))
const base64 = (text: string): string => Buffer.from(text).toString('base64')

test('a server whose CA is given as a file beside the kubeconfig or as data is trusted', async () => {
  const url = await serve('server')
  start(connect({ server: url, 'certificate-authority': 'ca.crt' }))
  await inSync()
  await source?.close()
  start(connect({ server: url, 'certificate-authority-data': base64(pem('ca.crt')) }))
  await inSync()
})

test('a server of another CA is refused with the certificate named', async () => {
  start(connect({ server: await serve('server'), 'certificate-authority': 'other.crt' }))
  await says(/check certificate-authority/)
  assert.equal(sink.lastStatus?.synced, false)
})

test('a server of another CA is taken with insecure-skip-tls-verify', async () => {
  start(connect({ server: await serve('server'), 'insecure-skip-tls-verify': true }))
  await inSync()
})

test('a certificate for another name is refused, and taken with tls-server-name', async () => {
  const url = await serve('named')
  start(connect({ server: url, 'certificate-authority': 'ca.crt' }))
  await says(/altnames|tls-server-name/)
  await source?.close()
  start(connect({ server: url, 'certificate-authority': 'ca.crt', 'tls-server-name': 'api.example' }))
  await inSync()
})

test('a client certificate is shown to a server that wants one', async () => {
  const url = await serve('server', true)
  let shown = ''
  server?.faults.push((_, response) => {
    shown = String((response.socket as TLSSocket).getPeerCertificate().subject.CN)
    return false
  })
  const user = { 'client-certificate': 'client.crt', 'client-key-data': base64(pem('client.key')) }
  start(connect({ server: url, 'certificate-authority': 'ca.crt' }, user))
  await inSync()
  assert.equal(shown, 'client')
})

test('an API server on IPv6 is reached', async () => {
  start(connect({ server: await serve('server', false, '::1'), 'certificate-authority': 'ca.crt' }))
  await inSync()
})

test('a token that the server refuses is read again from its file and the request repeated at once', async () => {
  const url = await serve()
  writeFileSync(path('token'), 'old\n')
  start(connect({ server: url }, { tokenFile: 'token' }))
  await inSync()
  writeFileSync(path('token'), 'new\n')
  if (server) server.tokens = ['new']
  server?.endWatches(true)
  server?.put('nodes', nodeObject('b'))
  await sink.until(() => sink.nodeRows.has('b'))
  assert.equal(server?.seen.at(-1)?.authorization, 'Bearer new')
  assert.equal(server?.seen.filter((s) => s.kind === 'nodes' && !s.isWatch).length, 1)
})

test('a token is read again when it is a minute old', async () => {
  const url = await serve()
  let aheadMs = 0
  const clock = { ...systemClock, nowMs: () => Date.now() + aheadMs }
  writeFileSync(path('token'), 'old')
  start(connect({ server: url }, { tokenFile: 'token' }), clock)
  await inSync()
  writeFileSync(path('token'), 'new')
  const next = async (name: string): Promise<string | undefined> => {
    server?.endWatches(true)
    server?.put('nodes', nodeObject(name))
    await sink.until(() => sink.nodeRows.has(name))
    return server?.seen.findLast((s) => s.kind === 'nodes')?.authorization
  }
  assert.equal(await next('b'), 'Bearer old')
  aheadMs = 61_000
  assert.equal(await next('c'), 'Bearer new')
})

test('a token that no file mends is told with its next step', async () => {
  const url = await serve()
  if (server) server.tokens = ['right']
  start(connect({ server: url }, { token: 'wrong' }))
  await says(/found 401 .*check the token/)
})

test('a missing CA or token file is named and waited for', async () => {
  const url = await serve()
  start(connect({ server: url }, { tokenFile: 'late-token' }))
  await says(/late-token: wanted a readable certificate or token/)
  writeFileSync(path('late-token'), 'x')
  await inSync()
})

test('a certificate, key or token of the wrong form is told and never an exception', async () => {
  const url = await serve('server')
  writeFileSync(path('half.pem'), pem('ca.crt').slice(0, 200))
  writeFileSync(path('nonsense'), 'nonsense')
  writeFileSync(path('two-lines'), 'sesame\nopen')
  const ca = 'ca.crt'
  const cases: readonly (readonly [string, object])[] = [
    ['half.pem', {}],
    ['nonsense', {}],
    [ca, { tokenFile: 'two-lines' }],
    [ca, { 'client-certificate': 'nonsense', 'client-key': 'client.key' }],
    [ca, { 'client-certificate': 'client.crt', 'client-key': 'server.key' }],
  ]
  for (const [authority, user] of cases) {
    start(connect({ server: url, 'certificate-authority': authority }, user))
    await sink.until(() => sink.lastStatus?.lostSinceMs !== undefined)
    assert.doesNotMatch(sink.lastStatus?.message ?? '', /sesame/)
    await source?.close()
  }
})

test('a pod finds the API server by its environment and service account', async () => {
  const url = new URL(await serve('server'))
  if (server) server.tokens = ['sa']
  writeFileSync(path('token'), 'sa')
  const env = { KUBERNETES_SERVICE_HOST: '127.0.0.1', KUBERNETES_SERVICE_PORT: url.port }
  start(must(inClusterConnection(env, folder)))
  await inSync()
  const six = must(
    inClusterConnection({ KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '443' }),
  )
  assert.equal(six.server.href, 'https://[fd00::1]/')
})

test('outside of a cluster the missing variables are named', () => {
  const connection = inClusterConnection({})
  assert.ok(!connection.ok)
  assert.match(connection.error.next, /input.kubeconfig/)
})

test('credentials that would run a program or change our identity are refused by name', () => {
  const cases: readonly (readonly [object, object, RegExp])[] = [
    [{}, { exec: { command: 'aws' } }, /key exec$/],
    [{}, { 'auth-provider': { name: 'gcp' } }, /key auth-provider$/],
    [{}, { as: 'admin' }, /key as$/],
    [{}, { username: 'x', password: 'y' }, /key username$/],
    [{ 'proxy-url': 'http://proxy' }, {}, /key proxy-url$/],
  ]
  for (const [cluster, user, object] of cases) {
    const parsed = parseKubeconfig(kubeconfig({ server: 'https://x', ...cluster }, user), 'kc')
    assert.ok(!parsed.ok)
    assert.match(parsed.error.object, object)
  }
})

test('what a kubeconfig lacks is named', () => {
  const whole = kubeconfig({ server: 'https://x' })
  const cases: readonly (readonly [string, RegExp])[] = [
    ['', /kc, context/],
    [whole.replace('current-context: c', 'current-context: d'), /kc, context/],
    [whole.replace('cluster: k', 'cluster: l'), /kc, cluster/],
    [whole.replace('user: u', 'user: w'), /kc, user/],
    [whole.replace('https://x', 'ftp://x'), /key server/],
    [whole.replace('server:', 'serve:'), /key clusters\[0\].cluster.server/],
    [kubeconfig({ server: 'https://x', 'certificate-authority-data': 'eA==' }), /certificate-authority-data/],
    [kubeconfig({ server: 'https://x' }, { 'client-certificate': 'c' }), /key client-key$/],
    ['clusters: {', /kc line 1/],
  ]
  for (const [text, object] of cases) {
    const parsed = parseKubeconfig(text, 'kc')
    assert.ok(!parsed.ok, text)
    assert.match(parsed.error.object, object)
  }
})

test('a kubeconfig that is not there is a fault', async () => {
  assert.ok(!(await readKubeconfig(path('none'))).ok)
})
