// Status over HTTP: on the agent's unix socket (mode 0600) and, read-only like everything here, on loopback.

import { chmodSync, rmSync } from 'node:fs'
import type { Server } from 'node:http'
import { http } from '../base/http.ts'
import type { Log } from '../base/log.ts'
import type { AgentStatus } from '../schema/agent_status.ts'

export type StatusServerOptions = {
  readonly socketPath: string
  readonly listen: { readonly host: string; readonly port: number } | undefined
  readonly status: () => Promise<AgentStatus>
  readonly log: Log
}

export type StatusServer = { readonly close: () => Promise<void> }

export async function startStatusServer(options: StatusServerOptions): Promise<StatusServer> {
  const { socketPath, listen, log } = options
  // The CNI socket beside it has shown that no other agent serves this folder.
  rmSync(socketPath, { force: true })
  const servers = [serve(options)]
  await listening(servers[0] as Server, { path: socketPath })
  chmodSync(socketPath, 0o600)
  if (listen) {
    const tcp = serve(options)
    try {
      await listening(tcp, listen)
      servers.push(tcp)
    } catch (error) {
      // Status by socket remains; a taken port must not keep pods from starting.
      log.error(
        { ...listen, error: String(error) },
        'status over HTTP is off: the address cannot be listened on',
      )
    }
  }
  return {
    close: async () => {
      await Promise.all(servers.map(closed))
      rmSync(socketPath, { force: true })
    },
  }
}

function serve({ status, log }: StatusServerOptions): Server {
  return http.createServer((request, response) => {
    const answer = (code: number, body: unknown): void => {
      response.writeHead(code, { 'content-type': 'application/json' }).end(`${JSON.stringify(body)}\n`)
    }
    if (request.method !== 'GET') return answer(405, { error: 'only GET: nothing is changed over HTTP' })
    if (request.url === '/healthz') return answer(200, { ok: true })
    if (request.url !== '/status') return answer(404, { error: 'there are /status and /healthz' })
    status().then(
      (value) => answer(200, value),
      (error: unknown) => {
        log.error({ error: String(error) }, 'status failed')
        answer(500, { error: String(error) })
      },
    )
  })
}

const listening = (server: Server, where: { path: string } | { host: string; port: number }): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(where, () => {
      server.off('error', reject)
      resolve()
    })
  })

const closed = (server: Server): Promise<void> =>
  new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
