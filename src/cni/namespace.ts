// Whether the pod's namespace came along with the call. The program opened it: its path means nothing in here.

import { getSystemErrorMap } from 'node:util'
import { ok, type Result } from '../base/result.ts'
import type { GivenNetns } from './call.ts'
import { type CniError, codes, failure, shown } from './errors.ts'

/** The descriptor, or code 8 with what was wrong with the path. */
export function openNamespace(given: GivenNetns, path: string): Result<number, CniError> {
  switch (given.state) {
    case 'open':
      return ok(given.fd)
    case 'none':
      return failure(
        codes.namespace,
        `CNI_NETNS ${shown(path)} did not come with the call`,
        'it was not opened',
      )
    case 'own':
      return failure(
        codes.namespace,
        `CNI_NETNS ${shown(path)} is the network namespace of the node itself`,
        'a pod needs a namespace of its own; host-network pods get no CNI call',
      )
    case 'failed': {
      const [name = `errno ${given.errno}`, text = ''] = getSystemErrorMap().get(-given.errno) ?? []
      return failure(
        codes.namespace,
        `CNI_NETNS ${shown(path)} cannot be opened as a network namespace`,
        given.errno === 22 ? 'it is not a network namespace' : `${name} ${text}`.trim(),
      )
    }
  }
}
