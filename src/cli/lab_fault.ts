// `podlane lab fault`: breaks the lab's network between nodes, to see it found, named and worked around.

import { faultText, type Result } from '../base/result.ts'
import { breakLab, type LabFault, mendLab } from '../lab/faults/lab_faults.ts'
import type { WireFault } from '../lab/faults/wire.ts'
import { FAILED, print, printFault, printJson, USAGE } from './terminal.ts'

export type FaultKind = WireFault['kind'] | 'none'
export type FaultOptions = {
  readonly peer?: string
  readonly path?: 'direct' | 'vxlan'
  readonly size: number
  readonly json?: true
}

export async function labFault(
  kind: FaultKind,
  node: string | undefined,
  options: FaultOptions,
): Promise<void> {
  if (kind === 'none') return tell(await mendLab(), { fault: 'none' }, 'The network is whole.', options.json)
  if (node === undefined) {
    process.stderr.write(`podlane: name the node whose network is to break: podlane lab fault ${kind} NODE\n`)
    process.exitCode = USAGE
    return
  }
  const { peer, path, size } = options
  const fault: WireFault = kind === 'mtu' ? { kind, largestBytes: size } : { kind }
  const broken: LabFault = { fault, node, peer, path }
  const words = `${sentence(fault, node, peer ?? 'all other nodes', path)}\nNext: podlane lab status; podlane lab fault none`
  tell(await breakLab(broken), { ...broken }, words, options.json)
}

function sentence(
  fault: WireFault,
  node: string,
  peer: string,
  path: 'direct' | 'vxlan' | undefined,
): string {
  const what =
    path === undefined ? 'packets' : path === 'vxlan' ? 'VXLAN packets' : 'packets outside of VXLAN'
  switch (fault.kind) {
    case 'mtu':
      return `Between ${node} and ${peer} ${what} above ${fault.largestBytes} bytes vanish without a word.`
    case 'checksum':
      return `From ${node} to ${peer} ${what} whose checksum is left to the device come out with a wrong one.`
    case 'oneway':
      return `From ${node} to ${peer} ${what} vanish; the other direction is whole.`
  }
}

function tell(done: Result<void>, facts: object, words: string, json: true | undefined): void {
  if (!done.ok) {
    if (json) {
      printJson({ error: faultText(done.error) })
      process.exitCode = done.error.kind === 'bad-option' ? USAGE : FAILED
    } else printFault(done.error)
  } else if (json) printJson(facts)
  else print(words)
}
