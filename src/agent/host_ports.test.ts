import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { type Ip, parseIp } from '../base/ip.ts'
import { must } from '../base/result.ts'
import type { HostPort } from '../cni/network.ts'
import { findTakenPort } from './host_ports.ts'

const ip = (t: string): Ip => must(parseIp(t))
const port = (hostPort: number, hostIp?: string): HostPort => ({
  hostPort,
  containerPort: 80,
  protocol: 'tcp',
  hostIp: hostIp === undefined ? undefined : ip(hostIp),
})
const taken = (wanted: HostPort, held: readonly HostPort[] = []): string | undefined =>
  findTakenPort([wanted], new Map([['other eth0', held]]), [4])?.found

test('a port that a program listens on is taken, on its address and on all of them', async (t) => {
  const server = createServer()
  t.after(() => server.close())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  assert.ok(typeof address === 'object' && address)
  assert.match(taken(port(address.port)) ?? '', /listens/)
  assert.match(taken(port(address.port, '127.0.0.1')) ?? '', /listens/)
  assert.equal(taken(port(address.port, '127.0.0.9')), undefined)
})

test('two pods collide on the same address, or where one has all of them', () => {
  assert.match(taken(port(9), [port(9)]) ?? '', /other eth0/)
  assert.match(taken(port(9, '127.0.0.1'), [port(9, '0.0.0.0')]) ?? '', /other eth0/)
  assert.equal(taken(port(9, '127.0.0.1'), [port(9, '127.0.0.2')]), undefined)
  assert.equal(taken(port(9, '127.0.0.1'), [port(9, '::')]), undefined)
})

test('an address that is not the node’s or that would be silent is refused with the reason', () => {
  for (const address of ['fe80::1', 'ff02::1', '::ffff:10.0.0.1', '224.0.0.1', '255.255.255.255']) {
    for (const protocol of ['tcp', 'udp', 'sctp'] as const) {
      assert.match(taken({ ...port(9, address), protocol }) ?? '', /no address|every link|IPv6 form/)
    }
  }
  assert.equal(taken(port(9, '198.51.100.9')), 'none such')
  assert.match(taken(port(9, '::1')) ?? '', /translates nothing/)
})
