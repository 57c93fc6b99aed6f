import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { silentLog } from '../base/log.ts'
import { must } from '../base/result.ts'
import { commands } from './environment.ts'
import { startCniServer } from './server.ts'
import { callVerb, configOf, podVariables, type Variables } from './testing/calls.ts'
import { memoryNetwork } from './testing/memory_network.ts'
import { createBench, openDescriptors, runProgram } from './testing/program.ts'
import { handleCall } from './verbs.ts'
import { supportedVersions, toVersion } from './versions.ts'

const native = (file: string): string => fileURLToPath(new URL(`../../native/${file}`, import.meta.url))

/** Mostly right, so that the wrong part is reached. */
const mostly = <T>(right: fc.Arbitrary<T>, wrong: fc.Arbitrary<T>): fc.Arbitrary<T> =>
  fc.oneof({ arbitrary: right, weight: 15 }, { arbitrary: wrong, weight: 1 })

/** An environment can hold any text but a NUL. */
const text = fc
  .oneof(fc.string(), fc.string({ unit: 'binary' }), fc.string({ minLength: 190, maxLength: 300 }))
  .map((t) => t.replaceAll('\0', '').toWellFormed())
const variable = (...right: (string | undefined)[]) =>
  mostly<string | undefined>(fc.constantFrom(...right), fc.option(text, { nil: undefined }))

const environment: fc.Arbitrary<Variables> = fc.record({
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
const stdin: fc.Arbitrary<Uint8Array> = fc.oneof(
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
function assertAnswer(code: number | undefined, stdoutJson: Record<string, unknown>): void {
  if (code === 0) return
  assert.equal(code, 1)
  assert.ok(toVersion(String(stdoutJson.cniVersion)), `version ${stdoutJson.cniVersion}`)
  assert.ok(Number.isInteger(stdoutJson.code) && Number(stdoutJson.code) > 0)
  assert.equal(typeof stdoutJson.msg, 'string')
  assert.notEqual(stdoutJson.msg, '')
  assert.equal(typeof stdoutJson.details, 'string')
}

test('3,000 generated calls: each ends in a success or a CNI error object, and an error leaves nothing behind', async () => {
  const outcomes = new Map<unknown, number>()
  await fc.assert(
    fc.asyncProperty(
      environment,
      stdin,
      fc.boolean(),
      fc.boolean(),
      async (variables, bytes, there, repeated) => {
        const network = memoryNetwork()
        await callVerb(network, podVariables('ADD', 'c2'), configOf('1.1.0'))
        const given = there ? undefined : ({ state: 'failed', errno: 2 } as const)
        const reply = await callVerb(network, variables, bytes, given, repeated)
        assertAnswer(reply.exitCode, reply.json)
        if (reply.exitCode !== 0 && !repeated) assert.deepEqual([...network.attachments.keys()], ['c2 eth0'])
        const kind = reply.exitCode === 0 ? variables.CNI_COMMAND : reply.json.code
        outcomes.set(kind, (outcomes.get(kind) ?? 0) + 1)
      },
    ),
    { numRuns: 3000 },
  )
  // A generator that never gets past the first check would prove nothing.
  for (const kind of ['ADD', 'DEL', 'STATUS', 'GC', 'VERSION', 1, 2, 4, 6, 7, 8, 104])
    assert.ok((outcomes.get(kind) ?? 0) > 0, `no case ended in ${kind}: ${JSON.stringify([...outcomes])}`)
})

test('300 generated calls through the program and the socket end like that too, and leave no descriptor open', async () => {
  const bench = createBench()
  const network = memoryNetwork()
  const handle = (call: Parameters<typeof handleCall>[0]) => handleCall(call, network)
  const server = must(startCniServer({ path: bench.socket, handle, log: silentLog }))
  await runProgram({ ...podVariables('STATUS'), ...bench.variables }, '')
  const before = openDescriptors()
  await fc.assert(
    fc.asyncProperty(environment, stdin, async (variables, bytes) => {
      const netns = variables.CNI_NETNS === '/run/netns/blue' ? bench.netns : variables.CNI_NETNS
      const ended = await runProgram({ ...variables, ...bench.variables, CNI_NETNS: netns }, bytes)
      assertAnswer(ended.code, ended.json)
    }),
    { numRuns: 300 },
  )
  assert.equal(openDescriptors(), before)
  assert.equal(existsSync(bench.deleted), false)
  await server.close()
  bench.remove()
})

test('200 generated calls without an agent, the program built with sanitizers: an error object or a marker', async () => {
  const bench = createBench()
  const program = join(bench.folder, 'checked')
  const sanitizers = ['-fsanitize=address,undefined', '-fno-sanitize-recover=all']
  execFileSync('gcc', ['-g', '-O1', ...sanitizers, native('cni.c'), '-o', program])
  await fc.assert(
    fc.asyncProperty(environment, stdin, async (variables, bytes) => {
      const away = { ...variables, ...bench.variables, PODLANE_WAIT_MS: '0' }
      const ended = await runProgram(away, bytes, [program])
      assertAnswer(ended.code, ended.json)
      if (ended.code === 0) assert.ok(['DEL', 'VERSION'].includes(variables.CNI_COMMAND ?? ''))
    }),
    { numRuns: 200 },
  )
  for (const marker of existsSync(bench.deleted) ? readdirSync(bench.deleted) : [])
    assert.match(marker, /^[a-zA-Z0-9][a-zA-Z0-9_.-]*@[^/:% ]+$/)
  bench.remove()
})

test('the program’s scan of the config reads what JSON.parse reads, and never past the end of 5,000 inputs', () => {
  const folder = mkdtempSync(join(tmpdir(), 'podlane-scan-'))
  writeFileSync(join(folder, 'scan.c'), scanHarness)
  const sanitizers = ['-fsanitize=address,undefined', '-fno-sanitize-recover=all']
  execFileSync('gcc', [
    ...['-g', '-O1', '-Wno-unused-function', ...sanitizers, `-I${native('')}`],
    ...[join(folder, 'scan.c'), '-o', join(folder, 'scan')],
  ])
  const cases = [...fc.sample(stdin, 4000), ...fc.sample(fc.uint8Array({ maxLength: 60 }), 1000)]
  const input = cases.map((bytes) => {
    const length = Buffer.alloc(4)
    length.writeUInt32LE(bytes.length)
    return Buffer.concat([length, bytes])
  })
  const lines = execFileSync(join(folder, 'scan'), { input: Buffer.concat(input), encoding: 'utf8' }).split(
    '\n',
  )
  assert.equal(lines.length, cases.length + 1)
  cases.forEach((bytes, i) => {
    const name = nameIn(bytes)
    if (name !== undefined) assert.equal(lines[i], name, Buffer.from(bytes).toString())
  })
  rmSync(folder, { recursive: true })
})

/** The config's name as the scan should read it; undefined where the text is no JSON object and anything goes. */
function nameIn(bytes: Uint8Array): string | undefined {
  let config: unknown
  try {
    config = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    return undefined
  }
  if (typeof config !== 'object' || config === null || Array.isArray(config)) return undefined
  const name = 'name' in config ? config.name : undefined
  return typeof name === 'string' && /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,199}$/.test(name) ? name : ''
}

/** Each case in a heap block of exactly its size, so that the sanitizer sees a read one byte beyond. */
const scanHarness = `
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include "cni_config.h"
int main(void)
{
	uint32_t length;
	while (fread(&length, 4, 1, stdin) == 1) {
		char *json = malloc(length ? length : 1), out[201] = "", version[VERSION_SIZE];
		if (length && fread(json, length, 1, stdin) != 1)
			return 1;
		if (!config_string(json, length, "name", out, sizeof(out)))
			out[0] = 0;
		version_in_use(json, length, version);
		printf("%s\\n", out);
		free(json);
	}
	return 0;
}
`
