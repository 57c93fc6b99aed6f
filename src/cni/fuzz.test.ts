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
import { startCniServer } from './server.ts'
import { callVerb, configOf, podVariables } from './testing/calls.ts'
import { assertAnswer, environment, stdin } from './testing/generated_calls.ts'
import { memoryNetwork } from './testing/memory_network.ts'
import { createBench, openDescriptors, runProgram } from './testing/program.ts'
import { handleCall } from './verbs.ts'

const native = (file: string): string => fileURLToPath(new URL(`../../native/${file}`, import.meta.url))

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
