// One program, run to its end; whatever it complains about ends the bench.

import { spawnSync } from 'node:child_process'

/** @returns what it printed */
export function run(program: string, ...argv: readonly string[]): string {
  const done = spawnSync(program, argv, { encoding: 'utf8', maxBuffer: 1 << 26 })
  if (done.error) throw done.error
  if (done.status !== 0) throw new Error(`${program} ${argv.join(' ')}: ${done.stderr.trim() || done.status}`)
  return done.stdout
}
