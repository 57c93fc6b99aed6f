// How to reach an API server and who we are to it, as plain data, and the one that a pod finds in its surroundings.
// Certificates and tokens that stand in files stay file names here: they rotate.

import { fault, ok, type Result } from '../../base/result.ts'

/** A PEM text or a token, here or in a file. */
export type Material = { readonly text: string } | { readonly file: string }

export type Connection = {
  /** http: or https:, with the path prefix that some proxies before an API server have. */
  readonly server: URL
  readonly ca: Material | undefined
  readonly clientCert: { readonly cert: Material; readonly key: Material } | undefined
  /** The name that the server's certificate must carry, where it is not the host of the URL. */
  readonly serverName: string | undefined
  /** The server's certificate is not checked. */
  readonly insecure: boolean
  readonly token: Material | undefined
}

const serviceAccountFolder = '/var/run/secrets/kubernetes.io/serviceaccount'

/** With the service account that the kubelet mounts into a pod. The files are read later, at every need. */
export function inClusterConnection(
  env: Readonly<Record<string, string | undefined>>,
  folder: string = serviceAccountFolder,
): Result<Connection> {
  const host = env.KUBERNETES_SERVICE_HOST ?? ''
  const port = env.KUBERNETES_SERVICE_PORT ?? ''
  const server = serverUrl(`https://${host.includes(':') ? `[${host}]` : host}:${port}`)
  if (host === '' || port === '' || !server)
    return fault(
      'bad-connection',
      'in-cluster API server',
      'KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT in the environment',
      `host ${JSON.stringify(host)}, port ${JSON.stringify(port)}`,
      'run the agent as a pod, or set input.kubeconfig',
    )
  return ok({
    server,
    ca: { file: `${folder}/ca.crt` },
    clientCert: undefined,
    serverName: undefined,
    insecure: false,
    token: { file: `${folder}/token` },
  })
}

/** Undefined for what is no http or https URL. */
export function serverUrl(text: string): URL | undefined {
  const url = URL.parse(text)
  return url && (url.protocol === 'https:' || url.protocol === 'http:') ? url : undefined
}
