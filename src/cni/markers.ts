// DELs that came while no agent ran: the CNI program leaves a marker for each in `deleted/` beside the socket. They
// are worked off once at start and before anything else happens to the same attachment.

import { type Dirent, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Log } from '../base/log.ts'
import { ok, type Result } from '../base/result.ts'
import { shortId } from '../plan/pod_link.ts'
import { isInterfaceName, isName } from './environment.ts'
import type { AttachmentId, PodNetwork } from './network.ts'

export type Marker = AttachmentId & {
  readonly file: string
  /** Empty where the program could not read it from the config. */
  readonly network: string
}

/** A half-written marker older than this is of a program that was killed. */
const ABANDONED_AFTER_MS = 60_000

/** `CONTAINER@INTERFACE`: a container ID has no `@`. */
const fileOf = (id: AttachmentId): string => `${id.containerId}@${id.ifName}`
/** The same for a long container ID and for the shortened one that GC finds in the kernel. */
const turnOf = ({ containerId, ifName }: AttachmentId): string =>
  fileOf({ containerId: shortId(containerId), ifName })

/** All markers; a folder that is not there holds none. Files that are no markers are left alone. */
export function readMarkers(folder: string): readonly Marker[] {
  let entries: Dirent[]
  try {
    entries = readdirSync(folder, { withFileTypes: true })
  } catch {
    return []
  }
  return entries.filter((e) => e.isFile()).flatMap((e) => readMarker(folder, e.name) ?? [])
}

function readMarker(folder: string, name: string): Marker | undefined {
  const at = name.indexOf('@')
  const containerId = name.slice(0, Math.max(at, 0))
  const ifName = name.slice(at + 1)
  if (!isName(containerId) || !isInterfaceName(ifName)) return undefined
  const file = join(folder, name)
  let text = ''
  try {
    text = readFileSync(file, 'utf8')
  } catch {
    // Gone since: the program that left it got an answer after all.
    return undefined
  }
  const network = /^network=(.*)$/m.exec(text)?.[1] ?? ''
  return { containerId, ifName, network, file }
}

export type MarkedNetwork = PodNetwork & {
  /** Works every marker off, one after another; returns the faults of those that stay. */
  readonly settleMarkers: () => Promise<readonly Result<void>[]>
}

/**
 * The same network with markers respected: an ADD first works off its own attachment's marker (a container may start
 * again under the same ID), a DEL removes it, and no two verbs touch one attachment at the same time: those that GC
 * removes included.
 */
export function withMarkers(network: PodNetwork, folder: string, log: Log): MarkedNetwork {
  const inTurn = turns()
  const settle = async (id: AttachmentId): Promise<Result<void>> => {
    const files = filesOf(folder, id)
    if (files.length === 0) return ok(undefined)
    const gone = await network.del(id)
    if (gone.ok) for (const file of files) rmSync(file, { force: true })
    return gone
  }
  const settleMarkers = async (): Promise<readonly Result<void>[]> => {
    removeAbandoned(folder)
    const outcomes: Result<void>[] = []
    for (const marker of readMarkers(folder)) {
      const outcome = await inTurn(turnOf(marker), () => settle(marker))
      log.info({ ...marker, ok: outcome.ok }, 'a DEL that came while no agent ran')
      outcomes.push(outcome)
    }
    return outcomes.filter((o) => !o.ok)
  }
  return {
    ...network,
    settleMarkers,
    add: (request) =>
      inTurn(turnOf(request), async () => {
        const settled = await settle(request)
        return settled.ok ? network.add(request) : settled
      }),
    del: (id, hostIndex) =>
      inTurn(turnOf(id), async () => {
        if (hostIndex !== undefined) {
          // The marker may speak of a later ADD than this: it is worked off by itself, not dropped.
          const settled = await settle(id)
          return settled.ok ? network.del(id, hostIndex) : settled
        }
        const gone = await network.del(id)
        if (gone.ok) for (const file of filesOf(folder, id)) rmSync(file, { force: true })
        return gone
      }),
  }
}

/** An attachment's markers: one, under its whole container ID. */
function filesOf(folder: string, id: AttachmentId): readonly string[] {
  const file = join(folder, fileOf(id))
  if (statSync(file, { throwIfNoEntry: false })) return [file]
  if (!id.containerId.startsWith('h.')) return []
  return readMarkers(folder)
    .filter((m) => turnOf(m) === turnOf(id))
    .map((m) => m.file)
}

/** Runs the work of one key in the order of the calls. BOUNDED by the calls under way. */
function turns(): <T>(key: string, work: () => Promise<T>) => Promise<T> {
  const last = new Map<string, Promise<unknown>>()
  return async (key, work) => {
    const before = last.get(key)
    const mine = before ? before.then(work, work) : work()
    last.set(key, mine)
    try {
      return await mine
    } finally {
      if (last.get(key) === mine) last.delete(key)
    }
  }
}

function removeAbandoned(folder: string): void {
  let names: string[]
  try {
    names = readdirSync(folder)
  } catch {
    return
  }
  for (const name of names.filter((n) => n.startsWith('.new-'))) {
    const file = join(folder, name)
    const stat = statSync(file, { throwIfNoEntry: false })
    if (stat && Date.now() - stat.mtimeMs > ABANDONED_AFTER_MS) rmSync(file, { force: true })
  }
}
