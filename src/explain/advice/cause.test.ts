import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { LoadFacts } from '../../schema/load_facts.ts'
import { adviceOf } from './advice.ts'
import { core, FULL_CORES, facts, loop, ONE_FULL_CORE, profile, traffic } from './testing/facts.ts'

const flows = { entries: 131_000, most: 131_072, waiting: 10, mostWaiting: 32_768 }
const short = { connections: 8_000, traffic: traffic(80_000) }

/** Title, what differs from a quiet node, and the verdict. */
const verdicts: readonly (readonly [string, Partial<LoadFacts>, string, string, RegExp])[] = [
  ['a quiet node is bound by nothing', {}, 'nothing', 'sure', /40|20 % busy/],
  [
    'one core full of softirqs while others have room',
    { cores: ONE_FULL_CORE },
    'one-core-softirq',
    'sure',
    /core 0 is 98 % busy, 95 % in softirq; the others/,
  ],
  [
    'one core full of a thread is the application’s, not the network’s',
    { cores: [core(0, 0.1, 0.88), core(1, 0.1), core(2, 0.1), core(3, 0.1)] },
    'one-core-thread',
    'sure',
    /only 10 % in softirq/,
  ],
  ['all cores busy', { cores: FULL_CORES }, 'all-cores', 'sure', /all 4 cores are busy, 97 %/],
  [
    'a full core of a machine with one is all of them',
    { cores: [core(0, 0.9, 0.09)] },
    'all-cores',
    'sure',
    /all 1 cores/,
  ],
  [
    'idle cores and as many answers as round trips allow',
    { loop: loop(39_000) },
    'latency',
    'sure',
    /4 askers that wait 100 µs/,
  ],
  ['a full flow table', { flows }, 'table-pressure', 'sure', /131000 of 131072 entries \(100 %\)/],
  [
    'a connection table that refuses entries before it is full',
    { conntrack: { entries: 20_000, most: 65_536, refused: 300 } },
    'table-pressure',
    'sure',
    /300 refused a second/,
  ],
  [
    'losses in queues while cores have room',
    { cores: [core(0, 0.5, 0.1, { dropped: 200, squeezed: 50 }), core(1, 0.1)] },
    'queue-budget',
    'sure',
    /200 packets a second find a queue full.*50 polls/,
  ],
  [
    'short connections on full cores',
    { ...short, cores: FULL_CORES },
    'connection-setup',
    'sure',
    /8,000 connections a second, 10 packets each/,
  ],
  // Contradictory ones.
  [
    'losses at a core that is full are that core’s',
    { cores: [core(0, 0.95, 0.03, { dropped: 5000, squeezed: 900 }), core(1, 0.1), core(2, 0.1)] },
    'one-core-softirq',
    'sure',
    /core 0/,
  ],
  [
    'a full table beside full cores comes first, and the verdict is weak',
    { flows, cores: FULL_CORES },
    'table-pressure',
    'weak',
    /all 4 cores are busy/,
  ],
  ['short connections on idle cores bind nothing', short, 'nothing', 'sure', /./],
  [
    'many connections that carry much are not their setup',
    { cores: FULL_CORES, connections: 2_000, traffic: traffic(900_000) },
    'all-cores',
    'sure',
    /./,
  ],
  [
    'idle cores and fewer answers than askers could have are not latency',
    { loop: loop(9_000) },
    'nothing',
    'sure',
    /./,
  ],
  [
    'full cores are no latency, whatever the askers',
    { loop: loop(39_000), cores: FULL_CORES },
    'all-cores',
    'sure',
    /./,
  ],
  [
    'a hypervisor that takes the time makes the verdict weak',
    { cores: FULL_CORES.map((c) => ({ ...c, user: c.user - 0.2, steal: 0.2 })) },
    'all-cores',
    'weak',
    /doubt: the hypervisor takes 20 %/,
  ],
  ['one second is short', { cores: FULL_CORES, seconds: 1 }, 'all-cores', 'weak', /doubt: 1.0 s is short/],
  [
    'a profile that counts more than there was is doubted',
    { cores: FULL_CORES, profile: profile({ packetNs: 60e9 }) },
    'all-cores',
    'weak',
    /doubt: the profile/,
  ],
]

for (const [title, more, cause, certainty, evidence] of verdicts)
  test(title, () => {
    const { verdict, evidence: said } = adviceOf(facts(more))
    assert.deepEqual([verdict.cause, verdict.certainty], [cause, certainty], said.join('\n'))
    assert.match(said.join('\n'), evidence)
  })
