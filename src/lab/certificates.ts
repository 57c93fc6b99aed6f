// TLS material for a lab, made by the openssl program: a certificate authority, a server certificate for the given
// names and addresses, and the kubeconfig that leads to the server.

import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Ip } from '../base/ip.ts'

export type ServerCertificate = {
  /** PEM. */
  readonly ca: string
  readonly cert: string
  readonly key: string
}

export type CertificateNames = { readonly names: readonly string[]; readonly addresses: readonly Ip[] }

const run = promisify(execFile)
const DAYS = '3650'

/** Rejects when openssl is missing or fails; its own words are in the error. Keys are EC P-256. */
export async function makeServerCertificate(subject: CertificateNames): Promise<ServerCertificate> {
  const folder = await mkdtemp(join(tmpdir(), 'podlane-tls-'))
  const openssl = (...args: readonly string[]): Promise<unknown> => run('openssl', args, { cwd: folder })
  try {
    await writeFile(join(folder, 'server.ext'), extensions(subject))
    await openssl(...newKey('ca'), '-x509', '-days', DAYS, '-subj', '/CN=podlane-lab-ca', '-out', 'ca.pem')
    await openssl(...newKey('server'), '-subj', '/CN=podlane-lab', '-out', 'server.csr')
    await openssl(
      ...['x509', '-req', '-in', 'server.csr', '-CA', 'ca.pem', '-CAkey', 'ca.key', '-set_serial', '2'],
      ...['-days', DAYS, '-sha256', '-extfile', 'server.ext', '-out', 'server.pem'],
    )
    const read = (name: string): Promise<string> => readFile(join(folder, name), 'utf8')
    return { ca: await read('ca.pem'), cert: await read('server.pem'), key: await read('server.key') }
  } finally {
    await rm(folder, { recursive: true })
  }
}

const newKey = (name: string): readonly string[] => [
  ...['req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-sha256'],
  ...['-keyout', `${name}.key`],
]

const extensions = ({ names, addresses }: CertificateNames): string =>
  [
    'basicConstraints=CA:FALSE',
    'keyUsage=critical,digitalSignature',
    'extendedKeyUsage=serverAuth',
    `subjectAltName=${[...names.map((n) => `DNS:${n}`), ...addresses.map((a) => `IP:${a}`)].join(',')}`,
    '',
  ].join('\n')

export type KubeconfigFacts = {
  /** E.g. `https://10.90.0.1:6443`. */
  readonly server: string
  readonly token: string
  /** PEM; without it the server speaks plain HTTP. */
  readonly ca?: string
  /** Name of cluster, user and context. */
  readonly name: string
}

/** JSON, which is YAML too. */
export function kubeconfigText(facts: KubeconfigFacts): string {
  const { name } = facts
  const ca = facts.ca ? { 'certificate-authority-data': Buffer.from(facts.ca).toString('base64') } : {}
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster: { server: facts.server, ...ca } }],
    users: [{ name, user: { token: facts.token } }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    'current-context': name,
  }
  return `${JSON.stringify(config, undefined, 2)}\n`
}
