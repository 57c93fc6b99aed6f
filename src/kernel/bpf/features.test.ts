import assert from 'node:assert/strict'
import { test } from 'node:test'
import { missingFeatures, probeFeatures } from './features.ts'
import { KernelBtf } from './kernel_btf.ts'

test('what the kernel lacks is named with the release that brought it', () => {
  using kernel = new KernelBtf()
  const features = probeFeatures(kernel)
  assert.equal(features.bpf, true)
  const none = { ...features, tcx: false }
  assert.deepEqual(missingFeatures(none), ['tcx links: came with Linux 6.6'])
})
