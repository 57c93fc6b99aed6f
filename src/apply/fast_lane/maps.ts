// The programs' maps: pinned, found again after a restart, made anew where their layout or size has changed. The flow
// table's entries move into the new one: fields are only ever added at the end.

import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { ok, type Result } from '../../base/result.ts'
import { type BpfMap, createMap, type MapSpec, openPinnedMap, specDifference } from '../../kernel/bpf/map.ts'

/** Entries that a restart must not lose; all others are written again from the plan. */
const CARRIED = new Set(['flows', 'ranges', 'lanes'])

/** @returns by name; whatever else stands in the folder is an older version's and is removed */
export function openMaps(folder: string, specs: readonly MapSpec[]): Result<ReadonlyMap<string, BpfMap>> {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const out = new Map<string, BpfMap>()
  for (const spec of specs) {
    const map = openMap(folder, spec)
    if (!map.ok) {
      for (const opened of out.values()) opened.close()
      return map
    }
    out.set(spec.name, map.value)
  }
  return ok(out)
}

function openMap(folder: string, spec: MapSpec): Result<BpfMap> {
  const path = join(folder, spec.name)
  const pinned = openPinnedMap(path)
  if (!pinned.ok) return pinned
  const old = pinned.value
  if (old && !specDifference(old.spec, spec)) return ok(old)
  const made = createMap(spec)
  if (!made.ok) return made
  if (old && CARRIED.has(spec.name) && old.spec.keySize === spec.keySize) carryOver(old, made.value)
  old?.close()
  // Beside (bpffs takes no dots) and renamed: a crash leaves the old one or the new one.
  const beside = `${path}-new`
  if (existsSync(beside)) rmSync(beside)
  const fresh = made.value.pin(beside)
  if (!fresh.ok) return fresh
  renameSync(beside, path)
  return made
}

/** As many as fit; the rest is decided again. */
function carryOver(from: BpfMap, to: BpfMap): void {
  const size = to.spec.valueSize
  let left = to.spec.maxEntries
  for (const [key, value] of from.entries()) {
    if (left-- === 0) return
    const fitting = Buffer.alloc(size)
    value.copy(fitting, 0, 0, size)
    to.update(key, fitting)
  }
}
