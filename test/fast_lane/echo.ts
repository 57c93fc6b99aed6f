// The server of a test in some namespace: answers every line over TCP and every datagram with the peer's address as it
// sees it and what it was sent.

import { createSocket } from 'node:dgram'
import { createServer } from 'node:net'
import type { TestContext } from 'node:test'
import { bitsOf, familyOf, type Ip } from '../../src/base/ip.ts'
import { mustCall } from '../../src/kernel/syscalls.ts'
import {
  addressFamily,
  listeningSocket,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  socketAddress,
} from '../../src/lab/sockets.ts'
import type { TestNamespace } from '../namespaces.ts'

export type At = { readonly ns: TestNamespace; readonly ip: Ip; readonly port: number }

/** Serves until the test ends. */
export async function echo(t: TestContext, at: At): Promise<void> {
  await Promise.all([echoTcp(t, at), echoUdp(t, at)])
}

async function echoTcp(t: TestContext, { ns, ip, port }: At): Promise<void> {
  const server = createServer((socket) => {
    t.after(() => socket.destroy())
    socket.on('error', () => {})
    let rest = ''
    socket.setEncoding('latin1').on('data', (text: string) => {
      const lines = (rest + text).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) socket.write(`${socket.remoteAddress} ${line}\n`)
    })
  })
  const fd = ns.inside(() => listeningSocket(ip, port))
  await new Promise<void>((resolve) => server.listen({ fd }, resolve))
  t.after(() => server.close())
}

async function echoUdp(t: TestContext, { ns, ip, port }: At): Promise<void> {
  const fd = ns.inside(() => udpSocket(ip, port))
  const socket = createSocket(bitsOf(familyOf(ip)) === 32 ? 'udp4' : 'udp6')
  socket.on('message', (data, from) => {
    socket.send(Buffer.concat([Buffer.from(`${from.address} `), data]), from.port, from.address)
  })
  await new Promise<void>((resolve) => socket.bind({ fd }, resolve))
  t.after(() => socket.close())
}

export function udpSocket(ip: Ip, port: number): number {
  const fd = mustCall('socket', addressFamily(ip), SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)
  const address = socketAddress(ip, port)
  mustCall('bind', fd, address, address.length)
  return fd
}
