import assert from 'node:assert/strict'
import { test } from 'node:test'
import { judge } from './verdict.ts'

const kernel = { name: '6.12', release: '6.12.95+deb12-amd64' }
const figures = (pass: number, fail = 0, cancelled = 0): string =>
  `✔ a test\nℹ pass ${pass}\nℹ fail ${fail}\nℹ cancelled ${cancelled}\nℹ skipped 0\n`
const verdict = (code: number | undefined, output: string) =>
  judge(kernel, { code, output, console: '', seconds: 12.3 })

test('a guest whose tests pass has passed, with its figures', () => {
  assert.deepEqual(verdict(0, figures(3)), {
    passed: true,
    line: '6.12  6.12.95+deb12-amd64    3 passed, 12 s',
  })
})

test('a guest that panics, runs nothing, fails a test or whose kernel complains has not passed', () => {
  const complaint = `${figures(3)}[ 12.5] WARNING: CPU: 0 PID: 7 at drivers/net/netkit.c\n`
  for (const [code, output, why] of [
    [undefined, figures(3), 'the guest left no exit code'],
    [undefined, '', 'the guest left no exit code; none passed'],
    [0, '', 'none passed'],
    [1, figures(3, 1), 'exit code 1; 1 failed'],
    [0, figures(3, 0, 2), '2 failed'],
    [0, complaint, 'the kernel complained: [ 12.5] WARNING: CPU: 0 PID: 7 at drivers/net/netkit.c'],
  ] as const) {
    const { passed, line } = verdict(code, output)
    assert.deepEqual([passed, line.endsWith(`; ${why}`)], [false, true], line)
  }
})
