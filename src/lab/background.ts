// The lab's processes in the background: API server, outside, and one per node. Each is detached, writes its log
// beside the lab's other files, and is recorded in the moment in which it starts.

import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { closeSync, existsSync, mkdirSync, openSync, rmSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { stringify } from 'yaml'
import type { Ip } from '../base/ip.ts'
import { parseIp } from '../base/ip.ts'
import { fault, must, ok, type Result } from '../base/result.ts'
import { makeServerCertificate } from './certificates.ts'
import type { ControlPlaneFacts } from './control_plane_process.ts'
import { enterNetwork } from './enter.ts'
import type { NodeSpec } from './node/process.ts'
import {
  agentConfigFile,
  controlPlaneFile,
  kubeconfigFile,
  logFile,
  netnsFile,
  nodeKubeconfigFile,
  nodeSpecFile,
  privateFolders,
} from './paths.ts'
import { isAlive, type ProcessRecord } from './processes.ts'
import { podlaneProgram, podServerProgram } from './programs.ts'
import { type LabOptions, readText, writeJson, writeProcess, writeWhole } from './record.ts'
import type { LabNode, Topology } from './topology.ts'
import { OUTSIDE } from './underlay.ts'

const API_SERVER = 'apiserver'
const START_TIMEOUT_MS = 15_000
/** The outside's server. */
export const OUTSIDE_HTTP_PORT = 80

/** Resolves when it listens and the kubeconfig files are there. */
export async function startControlPlane(plan: Topology): Promise<Result<void>> {
  const names = ['localhost', 'podlane-lab']
  const addresses = [...plan.apiServer, ...['127.0.0.1', '::1'].map((text): Ip => must(parseIp(text)))]
  const tls = await makeServerCertificate({ names, addresses })
  const facts: ControlPlaneFacts = {
    ...tls,
    token: randomBytes(24).toString('base64url'),
    clusterRanges: [...plan.clusterRanges],
    serviceRanges: [...plan.serviceRanges],
    addresses: [...plan.apiServer],
  }
  writeJson(controlPlaneFile, facts)
  for (const file of [kubeconfigFile, nodeKubeconfigFile]) rmSync(file, { force: true })
  const server = startBackground(API_SERVER, [...podlaneProgram(), 'lab', 'run-apiserver'])
  startBackground(
    OUTSIDE,
    enterNetwork(OUTSIDE, [
      ...podServerProgram(),
      ...['--hostname=outside', `--http=${OUTSIDE_HTTP_PORT}`, '--tcp-echo=7', '--udp-echo=7'],
    ]),
  )
  const deadline = performance.now() + START_TIMEOUT_MS
  while (!existsSync(kubeconfigFile)) {
    if (isAlive(server) && performance.now() < deadline) {
      await sleep(20)
      continue
    }
    const found = lastLines(readText(logFile(API_SERVER)) ?? '')
    return fault('lab', "the lab's API server", 'to listen', found, `see ${logFile(API_SERVER)}`)
  }
  return ok(undefined)
}

/** What the node's processes read when they start. */
export function writeNode(node: LabNode, options: LabOptions): void {
  for (const { from } of privateFolders(node.name)) mkdirSync(from, { recursive: true, mode: 0o700 })
  const spec: NodeSpec = {
    name: node.name,
    segment: node.segment,
    addresses: node.addresses.map((a) => a.ip),
    agent: options.agent,
  }
  writeJson(nodeSpecFile(node.name), spec)
  const config = {
    nodeName: node.name,
    input: { kind: 'kubernetes', kubeconfig: nodeKubeconfigFile },
    pathMode: options.pathMode,
    lane: options.lane,
  }
  writeWhole(agentConfigFile(node.name), stringify(config))
}

/** The chain of programs keeps its number: the recorded process is the node's. */
export function startNode(name: string): ProcessRecord {
  const node = [...podlaneProgram(), 'lab', 'run-node', name]
  const alone = ['unshare', '--mount', '--uts', '--propagation', 'private', '--', ...node]
  return startBackground(name, ['nsenter', `--net=${netnsFile(name)}`, '--', ...alone])
}

function startBackground(name: string, command: readonly string[]): ProcessRecord {
  const log = openSync(logFile(name), 'a')
  const [file = '', ...args] = command
  const child = spawn(file, args, { detached: true, stdio: ['ignore', log, log], cwd: '/' })
  closeSync(log)
  child.unref()
  if (child.pid === undefined) throw new Error(`${file} cannot be started; is it installed?`)
  return writeProcess(name, child.pid)
}

const lastLines = (text: string): string => text.trim().split('\n').slice(-5).join(' | ') || 'nothing said'
