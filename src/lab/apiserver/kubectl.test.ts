// Real kubectl programs against the served control plane, over TLS: those named in PODLANE_KUBECTL (separated by
// colons), or the one on the PATH.

import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { after, before, test } from 'node:test'
import { parseCidr } from '../../base/cidr.ts'
import { parseIp } from '../../base/ip.ts'
import { must, ok } from '../../base/result.ts'
import { kubeconfigText, makeServerCertificate } from '../certificates.ts'
import { type JsonObject, listAt, objectAt, textAt } from './json.ts'
import { nodes } from './kinds/node.ts'
import { pods } from './kinds/pod.ts'
import { type KubeObject, namespaceOf } from './object.ts'
import { type ServedLab, serveLab, TOKEN } from './served_lab.ts'

const onPath = (process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, 'kubectl'))
const named = process.env.PODLANE_KUBECTL?.split(':').filter((path) => path !== '')
const programs = named ?? onPath.filter((path) => existsSync(path)).slice(0, 1)

type Run = { readonly code: number; readonly out: string; readonly err: string }

let lab: ServedLab
let folder: string
before(async () => {
  const tls = await makeServerCertificate({ names: ['lab'], addresses: [must(parseIp('127.0.0.1'))] })
  lab = await serveLab({
    tls,
    clusterRanges: [{ cidr: must(parseCidr('10.244.0.0/16')), nodeLength: 24 }],
    serviceRanges: [must(parseCidr('10.96.0.0/16'))],
  })
  folder = await mkdtemp(join(tmpdir(), 'podlane-kubectl-'))
  const text = kubeconfigText({ server: lab.url, token: TOKEN, ca: tls.ca, name: 'lab' })
  await writeFile(join(folder, 'config'), text)
  lab.api.create(nodes, '', node)
  actAsKubelet(lab)
})
after(async () => {
  await lab.close()
  await rm(folder, { recursive: true })
})

const node: JsonObject = {
  metadata: { name: 'node-a', labels: { 'node-role.kubernetes.io/worker': '' } },
  status: {
    conditions: [{ type: 'Ready', status: 'True', reason: 'KubeletReady' }],
    addresses: [{ type: 'InternalIP', address: '192.0.2.7' }],
    nodeInfo: {
      kubeletVersion: 'v1.32.4',
      osImage: 'Lab',
      kernelVersion: '6.18',
      containerRuntimeVersion: 'lab://1',
    },
  },
}

/** Runs every pod that has a node and ends every one that is being deleted. */
function actAsKubelet({ api, store }: ServedLab): void {
  const status = (pod: KubeObject): JsonObject => ({
    phase: 'Running',
    podIP: '10.244.0.9',
    podIPs: [{ ip: '10.244.0.9' }],
    conditions: [{ type: 'Ready', status: 'True' }],
    containerStatuses: listAt(pod, 'spec', 'containers').map((c) => ({
      name: textAt(c, 'name'),
      ready: true,
      restartCount: 0,
      state: { running: {} },
    })),
  })
  store.watch(pods, undefined, ({ type, object }) => {
    const { name, deletionTimestamp } = object.metadata
    if (type === 'DELETED' || textAt(object, 'spec', 'nodeName') === '') return
    if (deletionTimestamp) api.remove(pods, namespaceOf(object), name, { gracePeriodSeconds: 0 })
    else if (textAt(object, 'status', 'phase') === 'Pending') {
      api.update(pods, namespaceOf(object), name, (p) => ok({ ...p, status: status(p) }), { status: true })
    }
  })
}

const environment = (program: string): NodeJS.ProcessEnv => ({
  ...process.env,
  KUBECONFIG: join(folder, 'config'),
  HOME: join(folder, program.replaceAll('/', '_')),
})

const manifest = (pod: string, image: string, labels: string, policyPort = 80): string => `
apiVersion: v1
kind: Pod
metadata: {name: ${pod}, labels: {${labels}}}
spec:
  containers:
  - {name: main, image: "${image}", ports: [{containerPort: 80}, {containerPort: 53, protocol: UDP}]}
  - {name: side, image: busybox}
---
apiVersion: v1
kind: Service
metadata: {name: ${pod}}
spec: {selector: {app: ${pod}}, ports: [{name: web, port: 80}, {name: dns, port: 53, protocol: UDP}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: ${pod}}
spec: {podSelector: {matchLabels: {app: ${pod}}}, ingress: [{ports: [{port: ${policyPort}}]}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: ${pod}, labels: {kubernetes.io/service-name: ${pod}}}
addressType: IPv4
ports: [{name: web, port: 80, protocol: TCP}]
endpoints: [{addresses: [10.244.0.9], nodeName: node-a, conditions: {ready: true}}]
`

test('kubectl is there to be tried', (t) => {
  if (programs.length > 0) return
  const reason = 'no kubectl: install the Debian package kubernetes-client, or name one in PODLANE_KUBECTL'
  assert.ok(!process.env.CI, reason)
  t.skip(reason)
})

for (const [i, program] of programs.entries()) {
  const name = `web-${i}`
  const title = (fact: string): string => `${program}: ${fact}`

  const run = (args: readonly string[], input = ''): Promise<Run> =>
    new Promise((resolve) => {
      const child = execFile(program, args, { env: environment(program) }, (error, out, err) => {
        resolve({ code: error ? Number(error.code ?? 1) : 0, out, err })
      })
      child.stdin?.end(input)
    })
  const kubectl = async (line: string, input = ''): Promise<string> => {
    const { code, out, err } = await run(line.split(' '), input)
    assert.equal(code, 0, `kubectl ${line}\n${out}${err}`)
    return out
  }

  test(title('api-resources names every kind with its short name'), async () => {
    const out = await kubectl('api-resources')
    for (const line of [
      /^pods +po +v1 +true +Pod$/m,
      /^nodes +no +v1 +false +Node$/m,
      /^endpointslices +discovery\.k8s\.io\/v1 +true +EndpointSlice$/m,
      /^networkpolicies +netpol +networking\.k8s\.io\/v1 +true +NetworkPolicy$/m,
    ]) {
      assert.match(out, line)
    }
  })

  test(title('get nodes shows the columns that people know'), async () => {
    assert.match(
      await kubectl('get nodes'),
      /^NAME +STATUS +ROLES +AGE +VERSION\nnode-a +Ready +worker +\S+ +v1\.32\.4\n$/,
    )
    const wide = await kubectl('get nodes -o wide')
    assert.match(wide, /INTERNAL-IP +EXTERNAL-IP +OS-IMAGE +KERNEL-VERSION +CONTAINER-RUNTIME/)
    assert.match(wide, /192\.0\.2\.7 +<none> +Lab +6\.18 +lab:\/\/1/)
  })

  test(title('apply creates, and a second time changes nothing'), async () => {
    const first = await kubectl('apply -f -', manifest(name, 'nginx:1', `app: ${name}, tier: front`))
    assert.equal(first.match(/ created$/gm)?.length, 4, first)
    const second = await kubectl('apply -f -', manifest(name, 'nginx:1', `app: ${name}, tier: front`))
    assert.equal(second.match(/ unchanged$/gm)?.length, 4, second)
  })

  test(title('get pods shows readiness, status, address and node'), async () => {
    const wide = await kubectl(`get pod ${name} -o wide`)
    assert.match(wide, /^NAME +READY +STATUS +RESTARTS +AGE +IP +NODE +NOMINATED NODE +READINESS GATES\n/)
    assert.match(wide, new RegExp(`${name} +2/2 +Running +0 +\\S+ +10\\.244\\.0\\.9 +node-a +<none> +<none>`))
    assert.match(await kubectl('get svc,netpol,endpointslices'), /service\/.*networkpolicy.*endpointslice/s)
  })

  test(title('apply of a changed manifest changes the image and takes the dropped label away'), async () => {
    await kubectl(`label pod ${name} other=kept`)
    const out = await kubectl('apply -f -', manifest(name, 'nginx:2', `app: ${name}`, 8080))
    assert.match(out, new RegExp(`pod/${name} configured`))
    const pod = lab.store.get(pods, 'default', name)
    assert.deepEqual(objectAt(pod, 'metadata', 'labels'), { app: name, other: 'kept' })
    const images = listAt(pod, 'spec', 'containers').map((c) => `${textAt(c, 'name')} ${textAt(c, 'image')}`)
    assert.deepEqual(images, ['main nginx:2', 'side busybox'])
    assert.equal(await kubectl(`get netpol ${name} -o jsonpath={.spec.ingress[0].ports[0].port}`), '8080')
  })

  test(title('a misspelt field is refused'), async () => {
    const wrong = manifest(name, 'nginx', 'a: b').replace('containers:', 'containerz:')
    const { code, err } = await run(['apply', '-f', '-'], wrong)
    assert.notEqual(code, 0)
    assert.match(err, /unknown field "(spec\.)?containerz"/)
  })

  test(title('server-side apply is taken'), async () => {
    const out = await kubectl('apply --server-side -f -', manifest(name, 'nginx:2', `app: ${name}`, 8080))
    assert.equal(out.match(/serverside-applied/g)?.length, 4, out)
  })

  test(title('describe tells of each kind, with events'), async () => {
    assert.match(await kubectl('describe node node-a'), /PodCIDR: +10\.244\.0\.0\/24.*default +web-/s)
    const pod = await kubectl(`describe pod ${name}`)
    assert.match(pod, /IP: +10\.244\.0\.9.*Scheduled.*Successfully assigned/s)
    assert.match(await kubectl(`describe service ${name}`), /TargetPort: +80\/TCP/)
    assert.match(await kubectl(`describe networkpolicy ${name}`), /To Port: 8080\/TCP/)
    assert.match(await kubectl(`describe endpointslice ${name}`), /Addresses: +10\.244\.0\.9/)
    assert.match(await kubectl('describe namespace default'), /Status: +Active/)
  })

  test(title('get -w prints a row for each change'), async () => {
    const child = spawn(program, ['get', 'pod', name, '-w', '--no-headers'], { env: environment(program) })
    let out = ''
    const rows = (): number => out.split('\n').length - 1
    const until = (count: number): Promise<void> =>
      new Promise((resolve) => {
        const look = (): void => {
          if (rows() >= count) resolve()
        }
        child.stdout.on('data', look)
        look()
      })
    child.stdout.on('data', (data) => {
      out += data
    })
    const exited = new Promise((resolve) => child.on('exit', resolve))
    await until(1)
    // The list has been printed; the watch opens after it.
    while (lab.server.openWatches() === 0) await new Promise((resolve) => setTimeout(resolve, 20))
    lab.api.update(
      pods,
      'default',
      name,
      (p) => ok({ ...p, status: { ...objectAt(p, 'status'), phase: 'Failed' } }),
      {
        status: true,
      },
    )
    await until(2)
    child.kill()
    await exited
    assert.match(out, new RegExp(`^${name} +2/2 .*\\n${name} +`))
  })

  test(title('create, label, cordon and delete of a namespace work'), async () => {
    await kubectl(`create namespace ns-${i}`)
    await kubectl(`-n ns-${i} create configmap c --from-literal=a=b`)
    await kubectl(`-n ns-${i} run p --image=busybox`)
    await kubectl(`label namespace ns-${i} a=b`)
    await kubectl('cordon node-a')
    assert.match(await kubectl('get nodes'), /Ready,SchedulingDisabled/)
    await kubectl('uncordon node-a')
    await kubectl(`delete namespace ns-${i} --timeout=20s`)
    assert.match((await run(['get', 'namespace', `ns-${i}`])).err, /NotFound.*namespaces "ns-\d" not found/)
  })

  test(title('delete waits until the kubelet has ended the pod'), async () => {
    const out = await kubectl('delete --timeout=20s -f -', manifest(name, 'nginx:2', 'a: b'))
    assert.equal(out.match(/deleted/g)?.length, 4, out)
    assert.match((await run(['get', 'pod', name])).err, /NotFound.*pods "web-\d" not found/)
    assert.match((await run(['get', 'pods'])).err, /No resources found in default namespace/)
  })
}
