// The network configuration list that runtimes read: Podlane alone, with what it honours declared. No token, no
// address and no path in it: all of that is the agent's.

import * as v from 'valibot'
import { honoured } from './capabilities.ts'

/** The program's file name, which a plugin config calls its `type`. */
export const programName = 'podlane'
/** Sorts before any other name in use: runtimes take the first file of the folder. */
export const conflistName = '00-podlane.conflist'
export const defaultNetwork = 'podlane'

/**
 * `cniVersion` is what runtimes with libraries from before 1.1 speak (containerd 1.6, podman 4.3); newer ones choose
 * from `cniVersions` and so get STATUS and GC.
 */
export const conflistOf = (network: string): string =>
  `${JSON.stringify(
    {
      cniVersion: '1.0.0',
      cniVersions: ['0.4.0', '1.0.0', '1.1.0'],
      name: network,
      plugins: [
        { type: programName, capabilities: Object.fromEntries(honoured.map((name) => [name, true])) },
      ],
    },
    null,
    2,
  )}\n`

const ours = v.looseObject({ plugins: v.array(v.looseObject({ type: v.optional(v.unknown()) })) })

/** True for a list whose first plugin is Podlane, whatever was chained after it. */
export function isOurConflist(text: string): boolean {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    return false
  }
  const list = v.safeParse(ours, json)
  return list.success && list.output.plugins[0]?.type === programName
}
