import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { stringify } from 'yaml'
import { type Fault, must } from '../base/result.ts'
import { configText, parseConfig } from './config.ts'
import { matchesPattern } from './pattern.ts'
import { parseListen } from './values.ts'

const parse = (text: string) => parseConfig(text, 'config.yaml')

function refusal(text: string): Fault {
  const parsed = parse(text)
  assert.ok(!parsed.ok, `accepted: ${text}`)
  return parsed.error
}

test('an empty file gives the defaults', () => {
  assert.equal(
    configText(must(parse(''))),
    `input:
  kind: kubernetes
pathMode: auto
uplink: {}
vxlan:
  vni: 112
  port: 4789
  lingerSeconds: 600
lane: fast
fastLane:
  flows: 131072
  newFlows: 16384
  attach: auto
podMtu: smallest
podDevice: auto
masquerade:
  enabled: true
  exclude: []
ipam:
  coolDownSeconds: 30
directories:
  run: /run/podlane
  cniBin: /opt/cni/bin
  cniConfig: /etc/cni/net.d
  bpf: /sys/fs/bpf/podlane
probes:
  port: 9475
http:
  listen: 127.0.0.1:9474
profile:
  hz: 49
log:
  level: info
`,
  )
})

test('the effective config parses to itself', () => {
  const text = `
nodeName: worker-1.example
input: {kind: static, file: /etc/podlane/nodes.yaml}
pathMode: vxlan
uplink: {pattern: ["eth*", "/^en[ps]/"]}
vxlan: {vni: 7}
lane: plain
fastLane: {flows: 4096, attach: clsact}
podMtu: uplink
podDevice: veth
masquerade: {enabled: false, exclude: [192.0.2.9/24, "2001:DB8::/32"]}
ipam: {ranges: [10.244.3.0/24]}
probes: off
http: off
log: {level: debug}
`
  const config = must(parse(text))
  assert.deepEqual(must(parse(configText(config))), config)
  assert.deepEqual(config.masquerade.exclude, ['192.0.2.0/24', '2001:db8::/32'])
  assert.equal(config.http, 'off')
  assert.equal(config.vxlan.port, 4789)
})

test('an unknown key is named with its line, its value and the nearest known key', () => {
  const fault = refusal('nodeName: a\nvxlan:\n  prot: 4789\n')
  assert.equal(fault.object, 'config.yaml line 3, key vxlan.prot')
  assert.equal(fault.wanted, 'a known key; the nearest is vxlan.port')
  assert.equal(fault.found, 'unknown key vxlan.prot with value 4789')
  assert.match(refusal('path-mode: auto').wanted, /nearest is pathMode$/)
  assert.match(refusal('input: {kind: kubernetes, kubconfig: /k}').wanted, /nearest is input.kubeconfig$/)
})

test('a key on the wrong level is found on the right one', () => {
  assert.match(refusal('vni: 5').wanted, /nearest is vxlan.vni$/)
})

test('a bad value is named with key, line, value and what is wanted', () => {
  const cases: readonly (readonly [string, string, string])[] = [
    ['vxlan: {vni: 0}', 'vxlan.vni', 'a whole number from 1 to 16777215'],
    ['vxlan: {port: 4789.5}', 'vxlan.port', 'a whole number from 1 to 65535'],
    ['pathMode: fast', 'pathMode', 'one of auto, direct, vxlan'],
    ['input: {kind: statik}', 'input.kind', 'kubernetes or static'],
    ['input: {kind: static}', 'input.file', 'an absolute path'],
    ['uplink: {device: a b}', 'uplink.device', 'an interface name of 1 to 15 characters'],
    ['uplink: {canReach: 1.2.3}', 'uplink.canReach', 'an IP address'],
    ['uplink: {pattern: []}', 'uplink.pattern', 'at least one pattern'],
    ['uplink: {device: a, canReach: 192.0.2.1}', 'uplink', 'only one of device, pattern, canReach'],
    ['ipam: {ranges: [10.0.0.0/99]}', 'ipam.ranges[0]', 'an address range such as 10.244.0.0/16'],
    ['directories: {run: run}', 'directories.run', 'an absolute path'],
    ['log: {level: loud}', 'log.level', 'one of debug, info, warn, error'],
    ['masquerade: {enabled: yes}', 'masquerade.enabled', 'true or false'],
    [
      'http: {listen: "localhost:80"}',
      'http.listen',
      'an address and port such as 127.0.0.1:9474 or [::1]:9474',
    ],
    ['http: on', 'http', 'off, or listen: 127.0.0.1:9474'],
    ['probes: on', 'probes', 'off, or port: 9475'],
    ['probes: {port: 0}', 'probes.port', 'a whole number from 1 to 65535'],
    ['profile: {hz: 0}', 'profile.hz', 'a whole number from 1 to 997'],
    ['profile: on', 'profile', 'off, or hz: 49'],
    ['nodeName: Worker_1', 'nodeName', 'a node name: lower-case letters, digits, dots and dashes'],
  ]
  for (const [text, key, wanted] of cases) {
    const fault = refusal(text)
    assert.equal(fault.object, `config.yaml line 1, key ${key}`)
    assert.equal(fault.wanted, wanted, text)
  }
})

test('a key inside the choice between off and a mapping is still looked up', () => {
  assert.match(refusal('http: {listn: x}').wanted, /nearest is http.listen$/)
})

test('every wrong key is named, the first in full', () => {
  assert.match(refusal('pathMode: x\npodMtu: y\n').next, /also wrong: podMtu$/)
})

test('a section whose lines are all commented out keeps its defaults', () => {
  assert.equal(must(parse('vxlan:\n  # vni: 5\nhttp:\n')).vxlan.vni, 112)
})

test('off written as false by a YAML 1.1 tool turns HTTP and probes off', () => {
  assert.equal(must(parse('probes: false')).probes, 'off')
  assert.equal(must(parse('http: false')).http, 'off')
})

test('broken YAML, a repeated key and a list for a document are refused with their line', () => {
  assert.equal(refusal('pathMode: auto\na: b: c\n').object, 'config.yaml line 2')
  assert.equal(refusal('pathMode: auto\npathMode: auto\n').object, 'config.yaml line 2')
  assert.equal(refusal('- 1\n').wanted, 'a mapping of keys')
})

test('aliases that unfold beyond measure are refused', () => {
  const bomb = [
    'a0: &a0 [x]',
    ...Array.from({ length: 20 }, (_, i) => `a${i + 1}: &a${i + 1} [${`*a${i},`.repeat(9)}]`),
  ]
  assert.equal(refusal(bomb.join('\n')).kind, 'bad-yaml')
})

test('no key that is not known is ever accepted', () => {
  const known = Object.keys(must(parse('nodeName: a')))
  fc.assert(
    fc.property(fc.string({ minLength: 1 }), fc.jsonValue(), (key, value) => {
      fc.pre(!known.includes(key))
      const parsed = parse(stringify(Object.fromEntries([[key, value]])))
      return !parsed.ok && parsed.error.object.length > 0
    }),
  )
})

test('no text makes the parser throw', () => {
  const tree = fc.object({
    key: fc.constantFrom('input', 'kind', 'uplink', 'http', 'vxlan', 'x'),
    maxDepth: 3,
  })
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        tree.map((t) => stringify(t)),
      ),
      (text) => parse(text).ok !== undefined,
    ),
  )
})

test('a glob matches the whole name, a regular expression any part', () => {
  assert.ok(
    matchesPattern(['eth*'], 'eth0') &&
      matchesPattern(['en?s0'], 'enps0') &&
      matchesPattern(['/p[0-9]/'], 'enp3s0'),
  )
  assert.ok(!matchesPattern(['eth'], 'eth0') && !matchesPattern(['e.h0'], 'eth0'))
})

test('a listen address is an address and a port', () => {
  assert.deepEqual(must(parseListen('[::1]:80')), { host: '::1', port: 80 })
  for (const bad of [':80', '::1:80', '1.2.3.4', '1.2.3.4:0', '1.2.3.4:70000', 'localhost:80'])
    assert.ok(!parseListen(bad).ok, bad)
})

test('a pod range that no host can have is refused in the config', () => {
  for (const range of ['0.0.0.0/0', '127.0.0.0/16', '224.0.0.0/24', 'fe80::/64', '::/0', 'ff02::/16']) {
    const fault = refusal(`ipam: { ranges: ["${range}"] }`)
    assert.match(fault.object, /key ipam\.ranges/)
    assert.match(fault.wanted, /not loopback, multicast, link-local/)
  }
})
