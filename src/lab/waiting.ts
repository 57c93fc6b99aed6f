// Waits for objects of the API to become Ready, and says which are still missing and why.

import { setTimeout as sleep } from 'node:timers/promises'
import { fault, ok, type Result } from '../base/result.ts'
import { type LabApi, openLabApi } from './api_client.ts'
import { isObject, type Json, listAt, textAt } from './apiserver/json.ts'
import { kubeconfigFile, LAB_FOLDER } from './paths.ts'

const TIMEOUT_MS = 60_000
const EVERY_MS = 50

/** `path` is a list, e.g. /api/v1/nodes. */
export async function untilReady(
  path: string,
  names: readonly string[],
  say: (progress: string) => void,
): Promise<Result<void>> {
  const api = await openLabApi(kubeconfigFile)
  if (!api.ok) return api
  try {
    return await poll(api.value, path, names, say)
  } finally {
    api.value.close()
  }
}

async function poll(
  api: LabApi,
  path: string,
  names: readonly string[],
  say: (progress: string) => void,
): Promise<Result<void>> {
  const deadline = performance.now() + TIMEOUT_MS
  for (;;) {
    const answer = await api.ask('GET', path)
    if (!answer.ok) return answer
    const items = listAt(answer.value.body as Json, 'items')
    const missing = names.filter(
      (name) => !items.some((o) => textAt(o, 'metadata', 'name') === name && isReady(o)),
    )
    say(`${names.length - missing.length} of ${names.length} ready`)
    if (missing.length === 0) return ok(undefined)
    if (performance.now() > deadline) {
      const why = items.find((o) => textAt(o, 'metadata', 'name') === missing[0])
      const found = `${missing.join(', ')} not ready after ${TIMEOUT_MS / 1000} s: ${reasonOf(why)}`
      return fault('lab', path, 'all of them ready', found, `see the logs in ${LAB_FOLDER}`)
    }
    await sleep(EVERY_MS)
  }
}

const isReady = (object: Json): boolean => conditionOf(object, 'Ready') === 'True'

const conditionOf = (object: Json, type: string): string =>
  textAt(
    listAt(object, 'status', 'conditions').find((c) => textAt(c, 'type') === type),
    'status',
  )

/** The words of the first condition that does not hold, or of the first container that waits. */
function reasonOf(object: Json | undefined): string {
  if (!isObject(object)) return 'it does not exist'
  const waiting = listAt(object, 'status', 'containerStatuses').map((c) =>
    textAt(c, 'state', 'waiting', 'message'),
  )
  const conditions = listAt(object, 'status', 'conditions').map((c) => textAt(c, 'message'))
  return [...waiting, ...conditions].find((text) => text !== '') ?? 'no reason given'
}
