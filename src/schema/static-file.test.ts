import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseStaticFile } from './static-file.ts'

test('an address or a range that no host can have is refused in the static file, with its line', () => {
  for (const [address, range, key] of [
    ['127.0.0.1', '10.244.1.0/24', 'addresses'],
    ['fe80::1', '10.244.1.0/24', 'addresses'],
    ['192.0.2.1', '0.0.0.0/0', 'podCIDRs'],
    ['192.0.2.1', 'ff00::/64', 'podCIDRs'],
  ] as const) {
    const text = `nodes:\n- name: a\n  addresses: ["${address}"]\n  podCIDRs: ["${range}"]\n`
    const parsed = parseStaticFile(text, 'nodes.yaml', 'a')
    assert.ok(!parsed.ok)
    assert.match(parsed.error.object, new RegExp(`line ${key === 'addresses' ? 3 : 4}, key nodes.*${key}`))
    assert.match(parsed.error.wanted, /not loopback, multicast, link-local/)
  }
})
