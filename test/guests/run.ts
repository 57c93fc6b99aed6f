// `make test-guests`: the same tests on kernels that differ from this machine's in what they can, one guest a kernel.
//
//   run.ts [--if-possible] [KERNEL…]
//
// --if-possible: a machine that cannot have guests says why and passes, except in CI.

import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { bundleAgent, bundleTests } from './bundle.ts'
import { runInGuest } from './guest.ts'
import { type Kernel, storedKernels } from './kernels.ts'
import { laneSuite, suites } from './suites.ts'
import { judge, type Verdict } from './verdict.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
/** Of a whole guest that hangs; on a busy machine a good one takes some minutes. */
const TIMEOUT_MS = 20 * 60_000
/** How many times slower things go in a guest, for what waits in a test. */
const SLOWNESS = 10

/** Packages and kernels; what is in the way, or undefined. */
function prepare(): string | undefined {
  for (const [script, ...args] of [
    ['scripts/packages.sh', 'guests'],
    ['scripts/guest-kernels.sh'],
  ] as const) {
    const done = spawnSync(join(root, script), args, { stdio: 'inherit' })
    if (done.status !== 0) return `${script} ended with ${done.status ?? done.signal}`
  }
  return undefined
}

const testRun = (tests: readonly string[], titles: readonly string[] = []): string =>
  [
    `'${process.execPath}' --disable-warning=ExperimentalWarning --test --test-concurrency=1 --test-reporter=spec`,
    ...titles.map((title) => `--test-name-pattern='${title}'`),
    ...tests,
  ].join(' ')

const script = (kernel: Kernel, agent: string, runs: readonly string[]): string => `
cd '${root}'
code=0
export PODLANE_TEST_SLOWNESS=${SLOWNESS} PODLANE_TEST_AGENT='${agent}' PODLANE_GUEST_KERNEL=${kernel.name}
# Its switches are looked for before anything of a test would load it.
modprobe br_netfilter
${runs.map((run) => `${run} || code=$?`).join('\n')}
# What the kernel has against what was done to it.
dmesg | grep -E 'BUG:|WARNING: CPU|Oops|general protection|Call Trace'
exit $code
`

async function runKernel(kernel: Kernel, agent: string): Promise<Verdict> {
  console.log(`\n# Linux ${kernel.release}`)
  const lane = laneSuite(kernel.name)
  const runs = [
    testRun(await bundleTests(suites(kernel.name))),
    testRun(await bundleTests(lane.files), lane.titles),
  ]
  const run = await runInGuest(kernel, script(kernel, agent, runs), { timeoutMs: TIMEOUT_MS })
  console.log(run.output.trimEnd())
  const verdict = judge(kernel, run)
  if (!verdict.passed) console.log(`\n# What the machine said\n${run.console.trim()}`)
  return verdict
}

// A guest must not outlive its runner: it is ended when the process exits, which these would skip.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => process.exit(130))
const { values, positionals } = parseArgs({
  options: { 'if-possible': { type: 'boolean', default: false } },
  allowPositionals: true,
})
const obstacle = prepare()
if (obstacle !== undefined) {
  const mayPass = values['if-possible'] && process.env.CI === undefined
  console.log(`test-guests: ${mayPass ? 'skipped' : 'failed'}, this machine cannot have guests: ${obstacle}`)
  process.exit(mayPass ? 0 : 1)
}
const kernels = storedKernels().filter((k) => positionals.length === 0 || positionals.includes(k.name))
const agent = await bundleAgent()
const verdicts: Verdict[] = []
for (const kernel of kernels) verdicts.push(await runKernel(kernel, agent))
console.log(`\n# Guests\n${verdicts.map((v) => `${v.passed ? '✔' : '✖'} ${v.line}`).join('\n')}`)
process.exit(verdicts.length > 0 && verdicts.every((v) => v.passed) ? 0 : 1)
