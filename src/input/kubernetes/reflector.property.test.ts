import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { systemClock } from '../../base/clock.ts'
import { silentLog } from '../../base/log.ts'
import { FaultServer, nodeObject, sendStatus } from '../testing/fault-server.ts'
import { RecordingSink } from '../testing/recording-sink.ts'
import { startKubernetesSource } from './source.ts'

const simple = [
  'bookmark',
  'compact',
  'drop',
  'end',
  'gone',
  'error',
  'cut',
  'forget',
  'settle',
  'garbage',
  'freeze',
  'thaw',
] as const

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('put'), node: fc.nat(9), last: fc.integer({ min: 1, max: 254 }) }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('remove'), node: fc.nat(9) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('wait'), ms: fc.integer({ min: 1, max: 8 }) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom(...simple) }) },
  fc.record({ do: fc.constant('refuse'), code: fc.constantFrom(401, 410, 429, 500, 503) }),
)

type Step = {
  readonly do: string
  readonly node?: number
  readonly last?: number
  readonly ms?: number
  readonly code?: number
}

async function take(server: FaultServer, s: Step): Promise<void> {
  const actions: Readonly<Record<string, () => void>> = {
    put: () => server.put('nodes', nodeObject(`n${s.node}`, `192.0.2.${s.last}`)),
    remove: () => server.remove('nodes', `n${s.node}`),
    refuse: () =>
      server.faults.push((_, response) => {
        sendStatus(response, s.code ?? 500, s.code === 410 ? 'Expired' : 'Refused')
        return true
      }),
    bookmark: () => server.bookmark(),
    compact: () => server.compact(),
    drop: () => server.endWatches(true),
    end: () => server.endWatches(false),
    gone: () => server.sendError(410, 'Expired'),
    error: () => server.sendError(500, 'InternalError'),
    garbage: () => server.sendRaw('}{ nonsense\n'),
    cut: () => {
      server.sendRaw('{"type":"ADDED","object":{"metadata":{"name":"n1"')
      server.endWatches(true)
    },
    /** A removal that no watch can tell of any more. */
    forget: () => {
      server.endWatches(true)
      for (const name of server.names('nodes').slice(0, 2)) server.remove('nodes', name)
      server.compact()
    },
    freeze: () => {
      server.frozen = true
    },
    thaw: () => thaw(server),
  }
  if (s.do === 'wait') await systemClock.sleep(s.ms ?? 0)
  else if (s.do === 'settle') await settle(server)
  else actions[s.do]?.()
}

/** Until both watches stand, so that what was put before has become rows. */
async function settle(server: FaultServer): Promise<void> {
  for (let i = 0; i < 50 && server.openWatches < 2; i++) await systemClock.sleep(1)
  await systemClock.sleep(2)
}

/** What a frozen watch was not told must not be skipped by later events: its connection is of no more use. */
function thaw(server: FaultServer): void {
  if (server.frozen) server.endWatches(true)
  server.frozen = false
}

function addressesOf(server: FaultServer): string {
  const pairs = server.objects('nodes').map((o) => {
    const address = /192[^"]*/.exec(JSON.stringify(o.status))?.[0]
    return `${o.metadata.name} ${address}`
  })
  return pairs.sort().join()
}

const rowsOf = (sink: RecordingSink): string =>
  [...sink.nodeRows.values()]
    .map((row) => `${row.name} ${row.addresses[0]}`)
    .sort()
    .join()

async function agrees(steps: readonly Step[], pageSize: number): Promise<void> {
  const server = new FaultServer()
  const sink = new RecordingSink()
  const connection = {
    server: await server.listen(),
    ca: undefined,
    clientCert: undefined,
    serverName: undefined,
    insecure: false,
    token: undefined,
  }
  const backoff = { baseMs: 1, firstCapMs: 4 }
  const source = startKubernetesSource({
    ...{ connection, nodeName: 'a', sink, clock: systemClock, log: silentLog, backoff, pageSize },
  })
  try {
    for (const s of steps) await take(server, s)
    thaw(server)
    server.faults.length = 0
    await sink.until(() => rowsOf(sink) === addressesOf(server), 5_000)
    await sink.until(
      () => sink.lastStatus?.synced === true && sink.lastStatus.lostSinceMs === undefined,
      5_000,
    )
    assert.equal(rowsOf(sink), addressesOf(server))
  } finally {
    await source.close()
    await server.close()
  }
}

test('any interleaving of events, disconnects and lists ends with the rows of the server', async () => {
  const steps = fc.array(step, { maxLength: 40 })
  await fc.assert(fc.asyncProperty(steps, fc.constantFrom(2, 3, 500), agrees), { numRuns: 60 })
})
