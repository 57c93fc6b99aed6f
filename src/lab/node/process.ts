// The lab's process in a node: makes the node's mounts, puts the CNI program in place as a daemonset would, keeps the
// agent running, and is the kubelet. Started in the node's network namespace and a mount namespace of its own.

import { openSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import * as v from 'valibot'
import { systemClock } from '../../base/clock.ts'
import { faultText, must } from '../../base/result.ts'
import { installCni } from '../../cni/install.ts'
import { openLabApi } from '../api_client.ts'
import { lineLog } from '../line_log.ts'
import { NODE_ECHO_PORT, NODE_HTTP_PORT } from '../node_ports.ts'
import type { NodeStatus, PodComplaints } from '../node_status.ts'
import { agentConfigFile, logFile, nodeKubeconfigFile, nodeSocket, nodeSpecFile } from '../paths.ts'
import { cniProgram, podlaneProgram } from '../programs.ts'
import { type AgentProcess, superviseAgent } from './agent_process.ts'
import { startContainer } from './container.ts'
import { type Kubelet, startKubelet } from './kubelet.ts'
import { mountNode } from './mounts.ts'
import { keepNode, type NodeReadiness } from './node_object.ts'
import { podName } from './pod_spec.ts'

const specSchema = v.object({
  name: v.string(),
  segment: v.string(),
  addresses: v.array(v.string()),
  /** Whether the agent and its CNI files are put in place; else somebody does it by hand. */
  agent: v.boolean(),
})
export type NodeSpec = v.InferInput<typeof specSchema>

const folders = { config: '/etc/cni/net.d', programs: '/opt/cni/bin' }

/** Runs until the process is ended. */
export async function runNode(name: string): Promise<void> {
  mountNode(name)
  const log = lineLog((line) => process.stderr.write(line))
  const spec = v.parse(
    v.pipe(v.string(), v.parseJson(), specSchema),
    readFileSync(nodeSpecFile(name), 'utf8'),
  )
  const api = must(await openLabApi(nodeKubeconfigFile))
  const agentLog = openSync(logFile(`${name}-agent`), 'a')
  const agent = superviseAgent(podlaneProgram(), agentConfigFile(name), name, agentLog, log)
  const podLog = openSync(logFile(`${name}-pods`), 'a')
  startContainer({
    name: 'node',
    hostname: name,
    node: name,
    ports: { http: [NODE_HTTP_PORT], tcpEcho: [NODE_ECHO_PORT], udpEcho: [NODE_ECHO_PORT] },
    logFd: podLog,
  })
  if (spec.agent) {
    const { config: confDir, programs: binDir } = folders
    const installed = installCni({ binDir, confDir, shimPath: cniProgram() })
    if (!installed.ok) log.error({}, faultText(installed.error))
    agent.start()
  }
  const common = { api, clock: systemClock, log, folders }
  const readiness = await keepNode({ ...common, facts: spec })
  const kubelet = startKubelet({
    ...common,
    node: name,
    nodeAddresses: spec.addresses,
    logFd: podLog,
    networkOpened: readiness.opened,
  })
  serve(name, agent, kubelet, readiness)
}

function serve(name: string, agent: AgentProcess, kubelet: Kubelet, readiness: NodeReadiness): void {
  const status = (): NodeStatus => {
    const refusal = readiness.refusal()
    const pid = agent.pid()
    return {
      name,
      pid: process.pid,
      agent: { starts: agent.starts(), ...(pid === undefined ? {} : { pid }) },
      ...(refusal ? { refusal: faultText(refusal) } : {}),
      pods: podsOf(kubelet),
    }
  }
  const act = async (method: string, path: string): Promise<unknown> => {
    if (method === 'POST' && path === '/agent/stop') await agent.stop()
    else if (method === 'POST' && path === '/agent/start') agent.start()
    else if (method === 'POST' && path === '/cni-check') return checkPods(kubelet)
    else if (method !== 'GET' || path !== '/status') return undefined
    return status()
  }
  rmSync(nodeSocket(name), { force: true })
  createServer((request, response) => {
    void act(request.method ?? '', request.url ?? '').then((answer) => {
      response.statusCode = answer === undefined ? 404 : 200
      response.end(JSON.stringify(answer ?? 'no such thing'))
    })
  }).listen(nodeSocket(name))
}

function podsOf(kubelet: Kubelet): NodeStatus['pods'] {
  return kubelet.pods().flatMap(({ pod, sandbox }) => {
    if (!sandbox) return []
    const { namespace, name, uid } = pod.metadata
    const { hostNetwork } = pod.spec
    return [
      {
        ...{ namespace, name, uid, hostNetwork },
        containerId: sandbox.containerId,
        addresses: [...sandbox.facts.podAddresses],
        netns: sandbox.netns === undefined ? `/proc/${process.pid}/ns/net` : seenFromHost(sandbox.netns),
        containers: sandbox.containers.map(({ name: container, pid, ports }) => ({
          name: container,
          pid,
          http: [...ports.http],
          tcpEcho: [...ports.tcpEcho],
          udpEcho: [...ports.udpEcho],
        })),
      },
    ]
  })
}

/** What the CNI program finds wrong, by pod. */
async function checkPods(kubelet: Kubelet): Promise<PodComplaints> {
  const checked = kubelet.pods().map(async ({ pod, sandbox }) => {
    const done = await sandbox?.check()
    return done?.ok === false ? [{ pod: podName(pod), why: faultText(done.error) }] : []
  })
  return (await Promise.all(checked)).flat()
}

/** Through this process's root one sees its mounts. */
const seenFromHost = (path: string): string => `/proc/${process.pid}/root${path}`
