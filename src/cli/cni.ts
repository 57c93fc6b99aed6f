// `podlane install-cni` and `uninstall-cni`.

import { type HostFilesDone, removeHostFiles, writeHostFiles } from '../apply/host_files.ts'
import { ok, type Result } from '../base/result.ts'
import { type Changed, installCni, uninstallCni } from '../cni/install.ts'
import { cniProgram } from '../lab/programs.ts'
import { orPrint, print, printJson } from './terminal.ts'

type Folders = {
  readonly binDir: string
  readonly confDir: string
  readonly hostRoot: string
  readonly json?: true
}

export function install(options: Folders & { readonly network?: string }): void {
  const { binDir, confDir, network } = options
  const done = installCni({
    binDir,
    confDir,
    shimPath: cniProgram(),
    ...(network === undefined ? {} : { network }),
  })
  tell(
    done.ok ? andHost(done.value, writeHostFiles(options.hostRoot)) : done,
    'written',
    options.json === true,
  )
}

export function uninstall({ binDir, confDir, hostRoot, json }: Folders): void {
  const done = uninstallCni({ binDir, confDir })
  tell(done.ok ? andHost(done.value, removeHostFiles(hostRoot)) : done, 'removed', json === true)
}

type Done = Changed & Pick<HostFilesDone, 'foreign' | 'reload'>

const andHost = (cni: Changed, host: Result<HostFilesDone>): Result<Done> =>
  host.ok ? ok({ ...host.value, changed: [...cni.changed, ...host.value.changed] }) : host

function tell(result: Result<Done>, did: string, json: boolean): void {
  const done = orPrint(result)
  if (!done) return
  if (json) {
    printJson(done)
    return
  }
  const lines = [
    ...done.changed.map((f) => `${f} ${did}`),
    ...done.foreign.map((f) => `${f} is not Podlane's and was left alone`),
    ...done.reload.map((command) => `to take effect: ${command}`),
  ]
  print(lines.join('\n') || 'Nothing had to change.')
}
