// What each manager has applied to each object by server-side apply. The real server keeps it as managedFields in the
// object; the lab keeps it beside the objects, so that they stay small.

import type { Applied } from './apply.ts'
import type { JsonObject } from './json.ts'

export type AppliedConfigurations = {
  readonly of: (uid: string, manager: string) => Applied
  readonly remember: (uid: string, manager: string, configuration: JsonObject) => void
  readonly forget: (uid: string) => void
}

export function createAppliedConfigurations(): AppliedConfigurations {
  // BOUNDED by the objects that were applied server-side and not yet deleted over HTTP.
  const byUid = new Map<string, Map<string, JsonObject>>()
  return {
    of: (uid, manager) => {
      const all = byUid.get(uid) ?? new Map<string, JsonObject>()
      const others = [...all].flatMap(([owner, configuration]) => (owner === manager ? [] : [configuration]))
      return { before: all.get(manager), others }
    },
    remember: (uid, manager, configuration) => {
      byUid.set(uid, (byUid.get(uid) ?? new Map<string, JsonObject>()).set(manager, configuration))
    },
    forget: (uid) => void byUid.delete(uid),
  }
}
