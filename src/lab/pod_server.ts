// What runs in the lab's pods, whatever image they name: TCP and UDP echo, and HTTP that says who answers and whom it
// sees as the client. Started a hundred times on one machine, so it loads nothing but Node's own modules.

import { createSocket } from 'node:dgram'
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:net'

/** Sent as a UDP datagram, it is answered with the sender's address instead of itself. */
const WHO = 'who?'

type Options = {
  readonly hostname: string
  readonly container: string
  readonly node: string
  readonly http: readonly number[]
  readonly tcpEcho: readonly number[]
  readonly udpEcho: readonly number[]
}

/** `--http=8080,80 --tcp-echo=7 …`: every option once, ports separated by commas. */
function readOptions(args: readonly string[]): Options {
  const given = new Map(args.map((a) => [a.slice(2, a.indexOf('=')), a.slice(a.indexOf('=') + 1)]))
  const ports = (name: string): readonly number[] =>
    (given.get(name) ?? '')
      .split(',')
      .filter((p) => p !== '')
      .map(Number)
  return {
    hostname: given.get('hostname') ?? '',
    container: given.get('container') ?? '',
    node: given.get('node') ?? '',
    http: ports('http'),
    tcpEcho: ports('tcp-echo'),
    udpEcho: ports('udp-echo'),
  }
}

/** A socket for both families sees IPv4 peers as ::ffff:10.0.0.1. */
const plainAddress = (address = ''): string => address.replace(/^::ffff:(?=\d+\.)/, '')

function answer(options: Options, request: IncomingMessage, response: ServerResponse): void {
  const { socket } = request
  const body = {
    hostname: options.hostname,
    container: options.container,
    node: options.node,
    client: plainAddress(socket.remoteAddress),
    clientPort: socket.remotePort,
    server: plainAddress(socket.localAddress),
    serverPort: socket.localPort,
    path: request.url,
  }
  response.setHeader('content-type', 'application/json')
  response.end(`${JSON.stringify(body)}\n`)
}

/** On every address of both families; of IPv4 alone where the kernel has no IPv6. */
function listening(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const family4Only = (error: NodeJS.ErrnoException): void => {
      if (error.code !== 'EAFNOSUPPORT' && error.code !== 'EADDRNOTAVAIL') reject(error)
      else server.once('error', reject).listen(port, '0.0.0.0', resolve)
    }
    server.once('error', family4Only).listen(port, '::', () => {
      server.off('error', family4Only)
      resolve()
    })
  })
}

function tcpEcho(): Server {
  return createServer((socket) => {
    // A peer that resets is its own affair.
    socket.on('error', () => socket.destroy())
    socket.pipe(socket)
  })
}

function udpEcho(port: number): Promise<void> {
  const socket = createSocket('udp6')
  socket.on('message', (message, from) => {
    const reply = message.toString('latin1') === WHO ? Buffer.from(plainAddress(from.address)) : message
    socket.send(reply, from.port, from.address, () => {})
  })
  return new Promise((resolve, reject) => {
    socket.once('error', reject)
    socket.bind(port, '::', resolve)
  })
}

const options = readOptions(process.argv.slice(2))
await Promise.all([
  ...options.http.map((port) =>
    listening(
      createHttpServer((request, response) => answer(options, request, response)),
      port,
    ),
  ),
  ...options.tcpEcho.map((port) => listening(tcpEcho(), port)),
  ...options.udpEcho.map(udpEcho),
])
// Whoever started it waits for this line.
process.stdout.write('listening\n')
