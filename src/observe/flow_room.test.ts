import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { readFlowRoom } from './flow_room.ts'

test('a table of flows that is nearly full is named with the command that makes room', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'podlane-flows-'))
  t.after(() => rmSync(folder, { recursive: true }))
  assert.deepEqual(readFlowRoom(folder), [], 'no connection tracking')
  const set = (count: number): void => {
    writeFileSync(join(folder, 'nf_conntrack_max'), '1000\n')
    writeFileSync(join(folder, 'nf_conntrack_count'), `${count}\n`)
  }
  set(899)
  assert.deepEqual(readFlowRoom(folder), [])
  set(900)
  const [found] = readFlowRoom(folder)
  assert.equal(found?.found, '900 of 1000 entries in use')
  assert.match(found?.next ?? '', /nf_conntrack_max=2000/)
})
