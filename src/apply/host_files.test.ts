import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { must } from '../base/result.ts'
import { removeHostFiles, writeHostFiles } from './host_files.ts'

/** A host's file system with just these folders. */
function host(t: TestContext, ...folders: readonly string[]) {
  const root = mkdtempSync(join(tmpdir(), 'podlane-host-'))
  t.after(() => rmSync(root, { recursive: true }))
  for (const f of folders) mkdirSync(join(root, f), { recursive: true })
  return {
    root,
    at: (path: string): string => join(root, path),
    read: (path: string): string => readFileSync(join(root, path), 'utf8'),
  }
}

const NETWORKD = [
  'etc/systemd/networkd.conf.d/10-podlane.conf',
  'etc/systemd/network/00-podlane.network',
  'etc/systemd/network/00-podlane.link',
]
const MANAGER = 'etc/NetworkManager/conf.d/10-podlane.conf'

test('a host without networkd and NetworkManager gets no file', (t) => {
  const { root } = host(t, 'etc')
  assert.deepEqual(must(writeHostFiles(root)), { changed: [], foreign: [], reload: [] })
  assert.deepEqual(readdirSync(join(root, 'etc')), [])
})

test('networkd is kept off foreign routes, rules and our links, udev off their MACs', (t) => {
  const { root, at, read } = host(t, 'etc/systemd/network')
  assert.deepEqual(must(writeHostFiles(root)), { changed: NETWORKD.map(at), foreign: [], reload: [] })
  assert.match(
    read(NETWORKD[0] ?? ''),
    /\[Network\]\nManageForeignRoutes=no\nManageForeignRoutingPolicyRules=no\n$/,
  )
  assert.match(read(NETWORKD[1] ?? ''), /\[Match\]\nName=podl\*\n\n\[Link\]\nUnmanaged=yes\n$/)
  assert.match(
    read(NETWORKD[2] ?? ''),
    /\[Match\]\nOriginalName=podl\*\n\n\[Link\]\nMACAddressPolicy=none\n$/,
  )
  assert.deepEqual(must(writeHostFiles(root)).changed, [], 'a second time nothing changes')
})

test('NetworkManager is kept off our links beside what others keep it off', (t) => {
  const { root, read } = host(t, 'etc/NetworkManager')
  must(writeHostFiles(root))
  assert.match(read(MANAGER), /\[keyfile\]\nunmanaged-devices\+=interface-name:podl\*\n$/)
})

test('what a running program must read again is said', (t) => {
  const { root } = host(
    t,
    'etc/systemd/network',
    'etc/NetworkManager',
    'run/NetworkManager',
    'run/systemd/netif',
  )
  assert.deepEqual(must(writeHostFiles(root)).reload, [
    'systemctl restart systemd-networkd',
    'systemctl reload NetworkManager',
  ])
  assert.deepEqual(must(writeHostFiles(root)).reload, [])
})

test('a file of the same name that is not ours is neither written over nor removed, and named', (t) => {
  const { root, at, read } = host(t, 'etc/systemd/network', dirname(MANAGER))
  writeFileSync(at(MANAGER), '[keyfile]\nunmanaged-devices=*\n')
  const done = must(writeHostFiles(root))
  assert.deepEqual(done.foreign, [at(MANAGER)])
  assert.deepEqual(done.changed, NETWORKD.map(at))
  assert.deepEqual(must(removeHostFiles(root)).foreign, [at(MANAGER)])
  assert.equal(read(MANAGER), '[keyfile]\nunmanaged-devices=*\n')
})

test('removing takes all of ours, and an older version of ours is written anew', (t) => {
  const { root, at, read } = host(t, 'etc/systemd/network', 'etc/NetworkManager')
  must(writeHostFiles(root))
  writeFileSync(at(MANAGER), `${read(MANAGER)}# of an older release\n`)
  assert.deepEqual(must(writeHostFiles(root)).changed, [at(MANAGER)])
  assert.deepEqual(must(removeHostFiles(root)).changed, [...NETWORKD, MANAGER].map(at))
  assert.deepEqual(must(removeHostFiles(root)).changed, [])
  assert.deepEqual(readdirSync(at('etc/systemd/network')), [])
})

test('a folder that cannot be written is a fault', (t) => {
  const { root, at } = host(t, 'etc/systemd/network')
  writeFileSync(at('etc/systemd/networkd.conf.d'), 'a file')
  const refused = writeHostFiles(root)
  assert.equal(!refused.ok && refused.error.kind, 'io')
})
