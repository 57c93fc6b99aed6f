// A node with pods whose sockets may meet: the real wiring, filter and programs; nobody has opted in at first.

import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { cgroupRoot } from '../../src/apply/sockets/cgroup_root.ts'
import { createSockets } from '../../src/apply/sockets/sockets.ts'
import type { Sockets } from '../../src/apply/sockets_contract.ts'
import type { Family } from '../../src/base/ip.ts'
import { must } from '../../src/base/result.ts'
import { ensureBpffs } from '../../src/kernel/bpf/bpffs.ts'
import { cString } from '../../src/kernel/bpf/command.ts'
import { call } from '../../src/kernel/syscalls.ts'
import { addressOf, type TestNode, type TestPod, testCluster } from '../guard/cluster.ts'
import { connectTcp, type Tcp, TcpListener } from '../guard/sockets.ts'

export type Bench = {
  readonly node: TestNode
  readonly folder: string
  readonly sockets: () => Sockets
  readonly pod: (number: number) => TestPod
  readonly optIn: (...pods: readonly TestPod[]) => void
  /** The agent is killed and comes again; nothing is closed tidily. */
  readonly restart: () => void
  readonly count: (name: string) => number
}

/** Why these tests cannot run here; undefined if they can. */
export const lacking = (): string | undefined => {
  const root = cgroupRoot()
  return root.ok ? undefined : root.error.found
}

export function sameNodeBench(t: TestContext): Bench {
  const root = mkdtempSync(join(tmpdir(), 'podlane-sockets-'))
  const folder = must(ensureBpffs(root, 'podlane'))
  const [node] = testCluster(t).nodes
  const begin = (): Sockets => createSockets({ directories: { bpf: folder } })
  let sockets = begin()
  const pods: TestPod[] = []
  t.after(() => {
    sockets.apply([], [], { sweep: true })
    sockets.close()
    call('umount2', cString(root), 0)
    rmdirSync(root)
  })
  return {
    node,
    folder,
    sockets: () => sockets,
    pod: (number) => {
      const pod = node.pod(number)
      pods.push(pod)
      sockets.addPod(pod.endpoint, pod.ns.fd)
      return pod
    },
    optIn: (...chosen) => {
      const wishes = chosen.map((p) => ({ uid: p.endpoint.podUid ?? '', addresses: p.addresses }))
      const done = sockets.apply(
        wishes,
        pods.map((p) => p.endpoint),
        { sweep: true },
      )
      if (done.faults[0]) throw new Error(JSON.stringify(done.faults))
    },
    restart: () => {
      sockets = begin()
    },
    count: (name) => sockets.status().counts.find((c) => c.name === name)?.events ?? 0,
  }
}

/** Ends that are not closed yet: a descriptor that is closed twice may be somebody else's the second time. */
const open = new Set<Disposable>()
export function hangUp(end: Disposable): void {
  if (open.delete(end)) end[Symbol.dispose]()
}

export type Pair = { readonly client: Tcp; readonly server: Tcp; readonly listener: TcpListener }

let port = 9000

export async function connect(t: TestContext, from: TestPod, to: TestPod, family: Family = 4): Promise<Pair> {
  const at = { ip: addressOf(to, family), port: port++ }
  const listener = new TcpListener(to.ns, at)
  t.after(() => hangUp(listener))
  const client = await connectTcp(from.ns, at)
  const server = await listener.accept()
  if (!client || !server) throw new Error('no connection')
  for (const end of [client, server, listener]) open.add(end)
  t.after(() => {
    hangUp(client)
    hangUp(server)
  })
  return { client, server, listener }
}

const MSG_NOSIGNAL = 0x4000
const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1))

/** Bytes from one end to the other in pieces, read at the same time; what arrived. */
export async function transfer(from: Tcp, to: Tcp, data: Buffer, piece: number): Promise<Buffer> {
  const out = Buffer.alloc(data.length)
  let sent = 0
  let got = 0
  for (let idle = 0; got < data.length && idle < 2000; ) {
    const part = data.subarray(sent, sent + piece)
    const n = part.length > 0 ? call('sendto', from.fd, part, part.length, MSG_NOSIGNAL, null, 0) : 0
    if (n > 0) sent += n
    const m = call('recvfrom', to.fd, out.subarray(got), data.length - got, 0, null, null)
    if (m > 0) got += m
    if (n > 0 || m > 0) idle = 0
    else {
      idle++
      await pause()
    }
  }
  return out.subarray(0, got)
}

export const someBytes = (size: number): Buffer => randomBytes(size)
