// The connection of a kubeconfig file's current context. What would have to run a program or change our identity
// (exec, auth-provider, impersonation) is refused by name: ignoring it would connect as somebody else.

import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import * as v from 'valibot'
import { type Err, type Fault, fault, ok, type Result } from '../../base/result.ts'
import { parseYaml } from '../../schema/document.ts'
import { type Connection, type Material, serverUrl } from './connection.ts'

const text = v.nullish(v.string('a text'))
const clusterSchema = v.looseObject({
  server: v.string('the URL of the API server'),
  'certificate-authority': text,
  'certificate-authority-data': text,
  'tls-server-name': text,
  'insecure-skip-tls-verify': v.nullish(v.boolean('true or false')),
  'proxy-url': text,
})
const userSchema = v.looseObject({
  'client-certificate': text,
  'client-certificate-data': text,
  'client-key': text,
  'client-key-data': text,
  token: text,
  tokenFile: text,
})
const name = v.string('a name')
const fileSchema = v.looseObject({
  'current-context': text,
  clusters: v.nullish(v.array(v.looseObject({ name, cluster: clusterSchema })), []),
  contexts: v.nullish(
    v.array(v.looseObject({ name, context: v.looseObject({ cluster: name, user: v.nullish(name, '') }) })),
    [],
  ),
  users: v.nullish(v.array(v.looseObject({ name, user: v.nullish(userSchema, {}) })), []),
})

type Cluster = v.InferOutput<typeof clusterSchema>
type User = v.InferOutput<typeof userSchema>

const noWay: readonly (readonly [string, string])[] = [
  [
    'exec',
    'give the user a token, a tokenFile or a client certificate: the agent runs no credential program',
  ],
  ['auth-provider', 'give the user a token, a tokenFile or a client certificate'],
  ['username', 'give the user a token, a tokenFile or a client certificate'],
  ['as', 'make a user that needs no impersonation'],
  ['as-uid', 'make a user that needs no impersonation'],
  ['as-groups', 'make a user that needs no impersonation'],
  ['as-user-extra', 'make a user that needs no impersonation'],
]

export async function readKubeconfig(file: string, context?: string): Promise<Result<Connection>> {
  let content: string
  try {
    content = await readFile(file, 'utf8')
  } catch (error) {
    return fault('bad-kubeconfig', file, 'a readable kubeconfig', String(error), 'correct input.kubeconfig')
  }
  return parseKubeconfig(content, file, context)
}

/** `file` names the text in Faults, and file names in it are relative to its folder. */
export function parseKubeconfig(content: string, file: string, context?: string): Result<Connection> {
  const parsed = parseYaml(fileSchema, content, file)
  if (!parsed.ok) return parsed
  const { clusters, contexts, users } = parsed.value
  const wanted = context ?? parsed.value['current-context'] ?? ''
  const chosen = contexts.find((c) => c.name === wanted)?.context
  if (!chosen) return absent(file, 'context', wanted)
  const cluster = clusters.find((c) => c.name === chosen.cluster)?.cluster
  if (!cluster) return absent(file, 'cluster', chosen.cluster)
  const user = chosen.user === '' ? {} : users.find((u) => u.name === chosen.user)?.user
  if (!user) return absent(file, 'user', chosen.user)
  const refused = refusedKey(user, cluster)
  if (refused) {
    const object = `${file}, context ${wanted}, key ${refused[0]}`
    return fault('bad-kubeconfig', object, 'a credential that the agent can use', refused[0], refused[1])
  }
  return connectionOf(cluster, user, file)
}

function connectionOf(cluster: Cluster, user: User, file: string): Result<Connection> {
  const server = serverUrl(cluster.server)
  if (!server)
    return fault('bad-kubeconfig', `${file}, key server`, 'a URL', cluster.server, 'correct the server')
  const ca = pem(cluster, 'certificate-authority', file)
  const cert = pem(user, 'client-certificate', file)
  const key = pem(user, 'client-key', file)
  for (const part of [ca, cert, key]) if (part && !part.ok) return part
  if ((cert === undefined) !== (key === undefined))
    return fault(
      'bad-kubeconfig',
      `${file}, key ${cert ? 'client-key' : 'client-certificate'}`,
      'certificate and key together',
      'only one of them',
      'add the other',
    )
  return ok({
    server,
    ca: ca?.ok ? ca.value : undefined,
    clientCert: cert?.ok && key?.ok ? { cert: cert.value, key: key.value } : undefined,
    serverName: cluster['tls-server-name'] || undefined,
    insecure: cluster['insecure-skip-tls-verify'] ?? false,
    token: tokenOf(user, file),
  })
}

/** A token file wins over a token, as with kubectl: the token may be its older content. */
function tokenOf(user: User, file: string): Material | undefined {
  if (user.tokenFile) return { file: resolve(dirname(file), user.tokenFile) }
  return user.token ? { text: user.token } : undefined
}

/** `KEY-data` (base64) wins over `KEY` (a file name). */
function pem(
  part: Readonly<Record<string, unknown>>,
  key: string,
  file: string,
): Result<Material> | undefined {
  const data = part[`${key}-data`]
  const path = part[key]
  if (typeof data === 'string' && data !== '') {
    const decoded = Buffer.from(data, 'base64').toString('utf8')
    if (decoded.includes('-----BEGIN ')) return ok({ text: decoded })
    const object = `${file}, key ${key}-data`
    return fault('bad-kubeconfig', object, 'base64 of a PEM text', 'something else', 'correct the key')
  }
  return typeof path === 'string' && path !== '' ? ok({ file: resolve(dirname(file), path) }) : undefined
}

function refusedKey(user: User, cluster: Cluster): readonly [string, string] | undefined {
  if (cluster['proxy-url']) return ['proxy-url', 'give the server an address that needs no proxy']
  return noWay.find(([key]) => user[key] !== undefined && user[key] !== null)
}

function absent(file: string, kind: string, wanted: string): Err<Fault> {
  const found = wanted === '' ? 'no name given' : 'no such entry'
  return fault('bad-kubeconfig', `${file}, ${kind}`, `a ${kind} ${wanted}`.trim(), found, 'correct the file')
}
