// `podlane install-cni` and `uninstall-cni`.

import type { Result } from '../base/result.ts'
import { type Changed, installCni, uninstallCni } from '../cni/install.ts'
import { cniProgram } from '../lab/programs.ts'
import { orPrint, print, printJson } from './terminal.ts'

type Folders = { readonly binDir: string; readonly confDir: string; readonly json?: true }

export function install(options: Folders & { readonly network?: string }): void {
  const { binDir, confDir, network } = options
  const done = installCni({
    binDir,
    confDir,
    shimPath: cniProgram(),
    ...(network === undefined ? {} : { network }),
  })
  tell(done, 'written', options.json === true)
}

export const uninstall = ({ binDir, confDir, json }: Folders): void =>
  tell(uninstallCni({ binDir, confDir }), 'removed', json === true)

function tell(result: Result<Changed>, did: string, json: boolean): void {
  const done = orPrint(result)
  if (!done) return
  const text = done.changed.map((f) => `${f} ${did}`).join('\n')
  if (json) printJson(done)
  else print(text || 'Nothing had to change.')
}
