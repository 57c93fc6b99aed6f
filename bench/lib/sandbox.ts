// A bench's own world: new network, mount and process namespaces with an empty /run, so that nothing of the host is
// touched and everything that the bench started and made ends with it, however it ends.

import { spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { run } from './command.ts'

const MARK = '--in-sandbox'
/** All files of a bench: in memory, gone with the sandbox. */
export const FOLDER = '/run/bench'

/** Starts this very script again inside, and ends with its exit code; returns only when inside already. */
export function enterSandbox(): void {
  if (process.argv.includes(MARK)) {
    run('mount', '-t', 'tmpfs', '-o', 'mode=755', 'bench', '/run')
    mkdirSync(FOLDER)
    return
  }
  const [node = '', ...script] = process.argv
  const again = [node, ...process.execArgv, ...script, MARK]
  const flags = ['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc']
  // So that it also ends with a bench that is killed from outside.
  const argv = ['--pdeathsig', 'KILL', 'unshare', ...flags, ...again]
  const ended = spawnSync('setpriv', argv, { stdio: 'inherit' })
  if (ended.error) throw ended.error
  process.exit(ended.status ?? 1)
}

/** The value of `--name VALUE` among the arguments, as a number. */
export function option(name: string, otherwise: number): number {
  const at = process.argv.indexOf(`--${name}`)
  const value = at < 0 ? otherwise : Number(process.argv[at + 1])
  if (!Number.isFinite(value)) throw new Error(`--${name}: wanted a number, found ${process.argv[at + 1]}`)
  return value
}

/** The value of `--name VALUE` among the arguments. */
export function textOption(name: string): string | undefined {
  const at = process.argv.indexOf(`--${name}`)
  return at < 0 ? undefined : process.argv[at + 1]
}

export const hasFlag = (name: string): boolean => process.argv.includes(`--${name}`)
