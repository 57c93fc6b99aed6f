import assert from 'node:assert/strict'
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { must } from '../base/result.ts'
import { installCni, uninstallCni } from './install.ts'

let root = ''
const at = (...parts: string[]): string => join(root, ...parts)
const shim = Buffer.from('\x7fELF … podlane-cni-program …')

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'podlane-install-'))
  writeFileSync(at('shim'), shim)
})
afterEach(() => rmSync(root, { recursive: true }))

const options = () => ({ binDir: at('bin'), confDir: at('net.d'), shimPath: at('shim') })

test('install-cni puts the program and a conflist that sorts first and declares what is honoured', () => {
  mkdirSync(at('net.d'))
  writeFileSync(at('net.d', '10-other.conflist'), '{}')
  assert.deepEqual(must(installCni(options())).changed, [
    at('bin', 'podlane'),
    at('net.d', '00-podlane.conflist'),
  ])
  assert.equal(statSync(at('bin', 'podlane')).mode & 0o777, 0o755)
  assert.deepEqual(readdirSync(at('bin')), ['podlane'])
  assert.deepEqual(readdirSync(at('net.d')).sort(), ['00-podlane.conflist', '10-other.conflist'])
  assert.deepEqual(JSON.parse(readFileSync(at('net.d', '00-podlane.conflist'), 'utf8')), {
    cniVersion: '1.0.0',
    cniVersions: ['0.4.0', '1.0.0', '1.1.0'],
    name: 'podlane',
    plugins: [
      {
        type: 'podlane',
        capabilities: { portMappings: true, bandwidth: true, ips: true, mac: true, dns: true },
      },
    ],
  })
})

test('a second install-cni changes nothing, one of a newer release only what is new', () => {
  must(installCni(options()))
  assert.deepEqual(must(installCni(options())).changed, [])
  writeFileSync(at('shim'), Buffer.concat([shim, Buffer.from('2')]))
  assert.deepEqual(must(installCni(options())).changed, [at('bin', 'podlane')])
})

test('a foreign program or conflist is refused, and then neither file is written', () => {
  mkdirSync(at('net.d'))
  writeFileSync(at('net.d', '00-podlane.conflist'), '{"plugins":[{"type":"bridge"}]}')
  const refused = installCni(options())
  assert.equal(!refused.ok && refused.error.kind, 'foreign-file')
  assert.throws(() => readdirSync(at('bin')))
  rmSync(at('net.d', '00-podlane.conflist'))
  mkdirSync(at('bin'))
  writeFileSync(at('bin', 'podlane'), '#!/bin/sh')
  assert.equal(installCni(options()).ok, false)
  assert.deepEqual(readdirSync(at('net.d')), [])
})

test('uninstall-cni takes its own files and leaves those of others', () => {
  must(installCni(options()))
  writeFileSync(at('bin', 'bridge'), 'ELF')
  writeFileSync(at('net.d', '10-other.conflist'), '{}')
  assert.equal(must(uninstallCni(options())).changed.length, 2)
  assert.deepEqual(readdirSync(at('bin')), ['bridge'])
  assert.deepEqual(readdirSync(at('net.d')), ['10-other.conflist'])
  writeFileSync(at('bin', 'podlane'), '#!/bin/sh')
  writeFileSync(at('net.d', '00-podlane.conflist'), 'not JSON')
  assert.deepEqual(must(uninstallCni(options())).changed, [])
  assert.equal(readdirSync(at('bin')).length, 2)
})

test('a folder that cannot be written is a fault that says why', () => {
  writeFileSync(at('bin'), 'a file, no folder')
  const refused = installCni(options())
  assert.equal(!refused.ok && refused.error.kind, 'io')
  assert.match((!refused.ok && refused.error.found) || '', /ENOTDIR/)
})

test('an install beside another leaves its draft alone, and removes drafts of programs that were killed long ago', () => {
  mkdirSync(at('bin'))
  const names = [
    '.podlane.new-1-0123456789ab',
    '.podlane.new-2-0123456789ab',
    '.podlane.new',
    '.podlane.newer',
  ]
  for (const name of names) writeFileSync(at('bin', name), 'half')
  for (const name of names.slice(1)) utimesSync(at('bin', name), 1, 1)
  must(installCni(options()))
  assert.deepEqual(readdirSync(at('bin')).sort(), [
    '.podlane.new-1-0123456789ab',
    '.podlane.newer',
    'podlane',
  ])
})

test('an install that fails removes its draft', () => {
  mkdirSync(at('bin', 'podlane'), { recursive: true })
  assert.equal(installCni(options()).ok, false)
  rmSync(at('bin', 'podlane'), { recursive: true })
  mkdirSync(at('net.d', '00-podlane.conflist'), { recursive: true })
  assert.equal(installCni(options()).ok, false)
  assert.deepEqual([readdirSync(at('bin')), readdirSync(at('net.d'))], [[], ['00-podlane.conflist']])
})
