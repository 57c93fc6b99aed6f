import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { faultText, must } from '../../base/result.ts'
import type { Attachment, CniFolders } from './cni_plugin.ts'
import { addNetwork, delNetwork, networkStatus, readConfigList } from './cni_runtime.ts'
import { portsOf } from './container.ts'
import { namespaceMounts } from './mounts.ts'
import { capabilityArguments, type PodSpec, podSpecFromApi } from './pod_spec.ts'
import { podStatus } from './pod_status.ts'

const pod = (spec: object, metadata: object = {}): PodSpec =>
  must(
    podSpecFromApi({
      metadata: { name: 'web', namespace: 'default', uid: 'u1', ...metadata },
      spec: { containers: [{ name: 'a' }], ...spec },
    }),
  )

test('hostPorts and bandwidth annotations become what a runtime hands to plugins', () => {
  const ports = [
    { containerPort: 80, hostPort: 8080 },
    { containerPort: 53, protocol: 'UDP' },
  ]
  const annotations = { 'kubernetes.io/ingress-bandwidth': '10M', 'kubernetes.io/egress-bandwidth': '1.5Gi' }
  assert.deepEqual(capabilityArguments(pod({ containers: [{ name: 'a', ports }] }, { annotations })), {
    portMappings: [{ hostPort: 8080, containerPort: 80, protocol: 'tcp', hostIP: '' }],
    bandwidth: {
      ingressRate: 10_000_000,
      ingressBurst: 2 ** 31 - 1,
      egressRate: 1_610_612_736,
      egressBurst: 2 ** 31 - 1,
    },
  })
  assert.deepEqual(capabilityArguments(pod({})), {})
})

test('containers of one pod have ports of their own; declared ports and arguments say otherwise', () => {
  const container = (facts: object) => pod({ containers: [{ name: 'a', ...facts }] }).spec.containers[0]
  const ports = (facts: object, index: number) => {
    const spec = container(facts)
    assert.ok(spec)
    return portsOf(spec, index)
  }
  assert.deepEqual(ports({}, 0), { http: [8080], tcpEcho: [7], udpEcho: [7] })
  assert.deepEqual(ports({}, 1), { http: [8081], tcpEcho: [1007], udpEcho: [1007] })
  assert.deepEqual(ports({ ports: [{ containerPort: 80 }, { containerPort: 7 }] }, 0).http, [8080, 80])
  assert.deepEqual(ports({ args: ['--http=90,91'] }, 0).http, [90, 91])
  assert.deepEqual(ports({ args: ['--http=no'] }, 0).http, [8080])
})

test('a pod is ready when its containers are; a condition keeps the time of its change', () => {
  const before = pod({})
  const facts = (ready: boolean) => ({
    hostAddresses: ['10.0.0.1'],
    podAddresses: ['10.244.0.2'],
    startedAt: 't0',
    containers: [
      { name: 'a', restarts: 0, state: { is: 'running', startedAt: 't0', ready, pid: 7 } as const },
    ],
  })
  const first = podStatus(before, facts(true), 't1')
  assert.equal(first.phase, 'Running')
  const conditions = first.conditions as PodSpec['status']['conditions']
  assert.deepEqual(
    conditions.map((c) => `${c.type} ${c.status} ${c.lastTransitionTime}`),
    ['PodReadyToStartContainers', 'Initialized', 'Ready', 'ContainersReady'].map((type) => `${type} True t1`),
  )
  const later = podStatus({ ...before, status: { phase: 'Running', conditions } }, facts(false), 't2')
  const readiness = (later.conditions as typeof conditions).map(
    (c) => `${c.type} ${c.status} ${c.lastTransitionTime}`,
  )
  assert.ok(readiness.includes('Initialized True t1') && readiness.includes('Ready False t2'))
})

test('a pod that must not restart ends as its containers do', () => {
  const ended = (exitCode: number) => ({
    hostAddresses: [],
    podAddresses: [],
    startedAt: 't0',
    containers: [
      { name: 'a', restarts: 0, state: { is: 'ended', exitCode, startedAt: 't0', endedAt: 't1' } as const },
    ],
  })
  const phase = (restartPolicy: string, exitCode: number) =>
    podStatus(pod({ restartPolicy }), ended(exitCode), 't2').phase
  assert.equal(phase('Never', 0), 'Succeeded')
  assert.equal(phase('Never', 1), 'Failed')
  assert.equal(phase('OnFailure', 1), 'Running')
  assert.equal(phase('Always', 0), 'Running')
})

test('mounts of namespaces are found in mountinfo, odd names too', () => {
  const text = [
    '36 25 0:32 / /sys/fs/bpf rw - bpf bpf rw',
    '40 25 0:4 net:[4026532281] /run/netns/with\\040space rw - nsfs nsfs rw',
    '41 25 0:4 net:[4026532282] /run/podlane-lab/netns/hub rw shared:1 - nsfs nsfs rw',
  ].join('\n')
  assert.deepEqual(namespaceMounts(text), ['/run/netns/with space', '/run/podlane-lab/netns/hub'])
})

/** Plugins that write down what they were asked; a name that contains `bad` refuses ADD. */
function pluginFolders(
  t: TestContext,
  list: object,
): CniFolders & { readonly calls: () => readonly string[] } {
  const folder = mkdtempSync(join(tmpdir(), 'lab-cni-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const folders = { config: join(folder, 'net.d'), programs: join(folder, 'bin') }
  mkdirSync(folders.config)
  mkdirSync(folders.programs)
  const log = join(folder, 'calls')
  const script = `#!/bin/sh
read -r config
echo "$CNI_COMMAND \${0##*/} $CNI_ARGS $config" >> ${log}
case "$0 $CNI_COMMAND" in *bad*ADD) echo '{"code": 11, "msg": "busy", "details": "later"}'; exit 1;; esac
[ "$CNI_COMMAND" = ADD ] && echo '{"cniVersion": "1.1.0", "ips": [{"address": "10.0.0.'$(grep -c ADD ${log})'/24"}]}'
exit 0
`
  for (const name of ['first', 'second', 'bad']) {
    writeFileSync(join(folders.programs, name), script)
    chmodSync(join(folders.programs, name), 0o755)
  }
  writeFileSync(join(folders.config, '20-later.conflist'), '{}')
  writeFileSync(join(folders.config, '10-net.conflist'), JSON.stringify(list))
  return { ...folders, calls: () => readFileSync(log, 'utf8').trim().split('\n') }
}

const attachment: Attachment = {
  containerId: 'c1',
  ifName: 'eth0',
  netns: '/run/netns/x',
  args: { K8S_POD_NAME: 'web' },
  capabilities: { portMappings: [1], bandwidth: { ingressRate: 1 } },
}

test('ADD runs the plugins in order with capabilities and results, DEL in reverse', async (t) => {
  const folders = pluginFolders(t, {
    cniVersion: '1.0.0',
    cniVersions: ['0.4.0', '1.1.0'],
    name: 'net',
    plugins: [{ type: 'first', capabilities: { portMappings: true } }, { type: 'second' }],
  })
  const list = must(readConfigList(folders))
  assert.equal(list.version, '1.1.0')
  const result = must(await addNetwork(list, attachment, folders))
  assert.deepEqual(result.addresses, ['10.0.0.2'])
  must(await delNetwork(list, attachment, result, folders))
  const calls = folders.calls()
  assert.deepEqual(
    calls.map((line) => line.split(' ').slice(0, 3).join(' ')),
    ['ADD first', 'ADD second', 'DEL second', 'DEL first'].map(
      (c) => `${c} IgnoreUnknown=1;K8S_POD_NAME=web`,
    ),
  )
  const config = (line = ''): Record<string, unknown> => JSON.parse(line.slice(line.indexOf('{')))
  assert.deepEqual(config(calls[0]).runtimeConfig, { portMappings: [1] })
  assert.equal(config(calls[1]).runtimeConfig, undefined)
  assert.deepEqual(config(calls[1]).prevResult, { cniVersion: '1.1.0', ips: [{ address: '10.0.0.1/24' }] })
  assert.deepEqual(config(calls[3]).prevResult, result.raw)
})

test('a plugin that refuses is quoted, and what the others did is undone', async (t) => {
  const plugins = [{ type: 'first' }, { type: 'bad' }]
  const folders = pluginFolders(t, { cniVersion: '1.0.0', name: 'net', plugins })
  const added = await addNetwork(must(readConfigList(folders)), attachment, folders)
  assert.equal(
    added.ok ? '' : faultText(added.error),
    'CNI ADD by bad: wanted success, found code 11: busy later; it is tried again',
  )
  const order = folders.calls().map((line) => line.split(' ').slice(0, 2).join(' '))
  assert.deepEqual(order, ['ADD first', 'ADD bad', 'DEL bad', 'DEL first'])
})

test('a list from before STATUS is ready because it is there', async (t) => {
  const folders = pluginFolders(t, { cniVersion: '0.4.0', name: 'net', plugins: [{ type: 'absent' }] })
  must(await networkStatus(must(readConfigList(folders)), folders))
})
