// Advice for a node of which one core is full, made up to look at.

import type { Advice } from '../../../schema/advice.ts'

export const sampleAdvice = (): Advice => ({
  verdict: {
    cause: 'one-core-softirq',
    words:
      'Core 0 is full of softirq while the other three are two thirds idle: it serves the only receive queue.',
    certainty: 'sure',
  },
  limit: { unit: 'packets', perSecond: { value: 412_300, low: 396_000, high: 431_000 } },
  limitWhy: 'what core 0 carries at 100 %, from its 2.31 µs a packet',
  evidence: [
    'core 0: 97 % softirq',
    'eth0 has one receive queue, and no steering',
    'packets dropped by a full backlog: 214 a second',
  ],
  options: [
    {
      name: 'receive steering (RPS)',
      answer: 'helps',
      factor: { value: 2.6, low: 2.1, high: 3.2 },
      why: 'softirq spreads over four cores',
    },
    {
      name: 'the fast lane to worker-7',
      answer: 'helps',
      factor: { value: 1.22, low: 1.14, high: 1.31 },
      why: 'stack and tunnel device are 18 % of core 0',
    },
    { name: 'a machine with more cores', answer: 'helps', factor: { low: 1, high: 2 }, why: 'at most' },
    {
      name: 'more nodes',
      answer: 'does not help',
      factor: { value: 1, low: 1, high: 1 },
      why: 'its clients all come by this node',
    },
    { name: 'RDMA', answer: 'not possible', why: 'there is no RDMA device' },
  ],
  facts: {
    seconds: 10,
    cores: [0, 1, 2, 3].map((cpu) => ({
      cpu,
      user: cpu === 0 ? 0.01 : 0.18,
      system: cpu === 0 ? 0.02 : 0.1,
      softirq: cpu === 0 ? 0.97 : 0.04,
      steal: 0,
      idle: cpu === 0 ? 0 : 0.68,
      dropped: 0,
      squeezed: 0,
    })),
    traffic: [],
    bypass: { rdmaDevices: [], hugePages: 0 },
    points: [],
    missing: [],
  },
})
