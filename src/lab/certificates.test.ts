import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { request } from 'node:https'
import { test } from 'node:test'
import { parseIp } from '../base/ip.ts'
import { must } from '../base/result.ts'
import { at, listAt, objectAt, parseJson, textAt } from './apiserver/json.ts'
import { serveLab } from './apiserver/served_lab.ts'
import { kubeconfigText, makeServerCertificate } from './certificates.ts'

const subject = {
  names: ['lab', 'kubernetes.default.svc'],
  addresses: ['127.0.0.1', 'fd00::1'].map((a) => must(parseIp(a))),
}

test('the server certificate names what it serves, and its authority signs it', async () => {
  const made = await makeServerCertificate(subject)
  const certificate = new X509Certificate(made.cert)
  for (const name of subject.names) assert.equal(certificate.checkHost(name), name)
  for (const address of subject.addresses) assert.equal(certificate.checkIP(address), address)
  assert.equal(certificate.checkHost('other'), undefined)
  assert.ok(certificate.verify(new X509Certificate(made.ca).publicKey))
})

test('a client that trusts the authority is served, one that does not refuses', async () => {
  const tls = await makeServerCertificate(subject)
  const lab = await serveLab({ tls })
  const get = (ca: string | undefined): Promise<number> =>
    new Promise((resolve, reject) => {
      const asked = request(`${lab.url}/readyz`, { agent: false, ...(ca ? { ca } : {}) }, (response) => {
        response.resume()
        resolve(response.statusCode ?? 0)
      })
      asked.on('error', reject)
      asked.end()
    })
  try {
    assert.equal(await get(tls.ca), 200)
    await assert.rejects(get(undefined), /certificate/)
  } finally {
    await lab.close()
  }
})

test('a kubeconfig leads to the server with its authority and token', () => {
  const config = parseJson(
    kubeconfigText({ server: 'https://10.0.0.1:6443', token: 't', ca: 'PEM', name: 'lab' }),
  )
  const cluster = objectAt(listAt(config, 'clusters')[0], 'cluster')
  assert.deepEqual(cluster, {
    server: 'https://10.0.0.1:6443',
    'certificate-authority-data': Buffer.from('PEM').toString('base64'),
  })
  assert.equal(textAt(listAt(config, 'users')[0], 'user', 'token'), 't')
  assert.equal(at(config, 'current-context'), 'lab')
})
