import assert from 'node:assert/strict'
import { readlinkSync } from 'node:fs'
import { test } from 'node:test'
import { probeFeatures } from './features.ts'

test('every feature is answered by the kernel itself, and the probe leaves this thread where it was', () => {
  const before = readlinkSync('/proc/thread-self/ns/net')
  const features = probeFeatures()
  assert.equal(readlinkSync('/proc/thread-self/ns/net'), before)
  assert.equal(features.veth, 'yes')
  assert.equal(features.vxlan, 'yes')
  for (const [name, value] of Object.entries(features)) assert.match(value, /^(yes|no: .+|\d.*)$/, name)
})
