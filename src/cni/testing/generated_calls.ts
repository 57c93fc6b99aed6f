// CNI calls as fast-check makes them, mostly right so that the wrong part is reached, and what every answer must be.

import assert from 'node:assert/strict'
import fc from 'fast-check'
import { commands } from '../environment.ts'
import { supportedVersions, toVersion } from '../versions.ts'
import type { Variables } from './calls.ts'

/** Mostly right, so that the wrong part is reached. */
const mostly = <T>(right: fc.Arbitrary<T>, wrong: fc.Arbitrary<T>): fc.Arbitrary<T> =>
  fc.oneof({ arbitrary: right, weight: 15 }, { arbitrary: wrong, weight: 1 })

/** An environment can hold any text but a NUL. */
const text = fc
  .oneof(fc.string(), fc.string({ unit: 'binary' }), fc.string({ minLength: 190, maxLength: 300 }))
  .map((t) => t.replaceAll('\0', '').toWellFormed())
const variable = (...right: (string | undefined)[]) =>
  mostly<string | undefined>(fc.constantFrom(...right), fc.option(text, { nil: undefined }))

export const environment: fc.Arbitrary<Variables> = fc.record({
  CNI_COMMAND: variable(...commands),
  CNI_CONTAINERID: variable('c1', 'c2'),
  CNI_IFNAME: variable('eth0', 'eth0', 'net1'),
  CNI_NETNS: variable('/run/netns/blue', '/nowhere'),
  CNI_ARGS: mostly<string | undefined>(
    fc.constantFrom(undefined, '', 'IgnoreUnknown=1;K8S_POD_NAME=web', 'IP=10.244.1.9;;', 'X=;Y=='),
    fc.oneof(fc.constantFrom('MAC=x', '=;=', 'a', 'IP=x', 'K8S_POD_UID=../x'), text),
  ),
  CNI_PATH: variable('/opt/cni/bin', undefined),
})

const json = fc.jsonValue({ maxDepth: 4 })
/** JSON.stringify leaves an undefined key out. */
const rarely = mostly<unknown>(fc.constant(undefined), json)
const mapping = fc.record(
  {
    hostPort: mostly<unknown>(fc.nat(65_535), json),
    containerPort: mostly<unknown>(fc.integer({ min: 1, max: 65_535 }), json),
    protocol: mostly<unknown>(fc.constantFrom('tcp', 'UDP', 'sctp', ''), json),
    hostIP: rarely,
  },
  { requiredKeys: ['containerPort'] },
)
const address = mostly(
  fc.constantFrom('10.244.1.7/24', 'fd00:1::7/64', '::ffff:1.2.3.4/128'),
  fc.constantFrom('10.244.1.7', '::/129', '1.2.3', ''),
)
const gateway = mostly(fc.constantFrom('10.244.1.1', 'fe80::1', ''), address)
const runtimeConfig = fc.record(
  {
    portMappings: mostly<unknown>(fc.array(mapping), json),
    bandwidth: mostly<unknown>(
      fc.dictionary(fc.constantFrom('ingressRate', 'egressBurst'), fc.integer()),
      json,
    ),
    ips: mostly<unknown>(fc.array(address, { maxLength: 2 }), json),
    mac: mostly<unknown>(fc.constantFrom('02:00:00:00:00:05', 'C2-00-00-00-00-05'), json),
    dns: rarely,
    aliases: rarely,
    ipRanges: rarely,
  },
  { requiredKeys: [] },
)
const prevResult = fc.record(
  {
    cniVersion: variable(undefined, ...supportedVersions),
    interfaces: mostly<unknown>(
      fc.array(fc.record({ name: fc.constantFrom('eth0', 'x', 'y'), sandbox: text })),
      json,
    ),
    ips: mostly<unknown>(
      fc.array(fc.record({ address, interface: fc.integer({ min: -1, max: 4 }), gateway })),
      json,
    ),
    routes: mostly<unknown>(fc.array(fc.record({ dst: address, gw: gateway })), json),
    ip4: mostly<unknown>(fc.record({ ip: address, routes: fc.array(fc.record({ dst: address })) }), json),
    dns: rarely,
  },
  { requiredKeys: [] },
)
/** What the attachment that stands in the network before each call has. */
const standing = {
  interfaces: [{ name: 'eth0', mac: '02:00:00:00:00:01', sandbox: '/run/netns/blue' }],
  ips: [{ address: '10.244.1.2/32', interface: 0 }],
}
const earlier = fc
  .constantFrom(undefined, standing, standing)
  .chain((e) => mostly<unknown>(fc.constant(e), prevResult))

const config = fc.record(
  {
    cniVersion: mostly<unknown>(fc.constantFrom(...supportedVersions, ...Array(7).fill('1.1.0')), json),
    name: mostly<unknown>(fc.constantFrom('podlane'), json),
    type: fc.constant('podlane'),
    runtimeConfig: mostly<unknown>(runtimeConfig, json),
    prevResult: mostly<unknown>(earlier, json),
    args: rarely,
    dns: rarely,
    ipam: rarely,
    aliases: rarely,
    'cni.dev/valid-attachments': mostly<unknown>(
      fc.array(fc.record({ containerID: variable('c1'), ifname: variable('eth0') }), { maxLength: 2 }),
      json,
    ),
  },
  { requiredKeys: ['cniVersion', 'name'] },
)
export const stdin: fc.Arbitrary<Uint8Array> = fc.oneof(
  { arbitrary: config.map((c) => Buffer.from(JSON.stringify(c))), weight: 20 },
  {
    arbitrary: fc.tuple(config, fc.nat(400), fc.nat(255)).map(([c, at, byte]) => {
      const bytes = Buffer.from(JSON.stringify(c))
      bytes[at % bytes.length] = byte
      return bytes
    }),
    weight: 1,
  },
  {
    arbitrary: fc
      .tuple(config, fc.nat(400))
      .map(([c, length]) => Buffer.from(JSON.stringify(c)).subarray(0, length)),
    weight: 1,
  },
  { arbitrary: fc.uint8Array({ maxLength: 300 }), weight: 1 },
)

/** A success says nothing or a JSON object, a failure a CNI error object. */
export function assertAnswer(code: number | undefined, stdoutJson: Record<string, unknown>): void {
  if (code === 0) return
  assert.equal(code, 1)
  assert.ok(toVersion(String(stdoutJson.cniVersion)), `version ${stdoutJson.cniVersion}`)
  assert.ok(Number.isInteger(stdoutJson.code) && Number(stdoutJson.code) > 0)
  assert.equal(typeof stdoutJson.msg, 'string')
  assert.notEqual(stdoutJson.msg, '')
  assert.equal(typeof stdoutJson.details, 'string')
}
