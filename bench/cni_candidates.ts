// The plugins that are compared, each on a node of its own: Podlane by its real program and agent, and Debian's
// bridge and ptp with host-local as a runtime's default network has them.

import { writeFileSync } from 'node:fs'
import { podLinkName } from '../src/plan/pod_link.ts'
import { agentServes, podlanePlugin, startAgentProcess } from './lib/agent_process.ts'
import type { Plugin } from './lib/launcher.ts'
import { ip, makeNode } from './lib/node_namespace.ts'
import { FOLDER } from './lib/sandbox.ts'

const DEBIAN = '/usr/lib/cni'
const RANGE = '10.88.0.0/16'
const address = { ip: ip('192.0.2.1'), prefixLength: 24 }

async function podlane(): Promise<Plugin> {
  const node = makeNode('podlane', address)
  const input = `${FOLDER}/nodes.yaml`
  writeFileSync(input, `nodes:\n- { name: a, addresses: [${address.ip}], podCIDRs: [${RANGE}] }\n`)
  const config = `nodeName: a\ninput: { kind: static, file: ${input} }`
  const agent = startAgentProcess('podlane-agent', node.path, config)
  await agentServes(agent)
  const linkOf = (containerId: string): string => podLinkName({ containerId, ifName: 'eth0' })
  return { name: 'podlane', node: node.path, linkOf, ...podlanePlugin(agent) }
}

function debian(name: string, type: string, more: Readonly<Record<string, unknown>>): Plugin {
  const dataDir = `${FOLDER}/${name.replaceAll(/[^a-z]+/g, '-')}`
  const ipam = {
    type: 'host-local',
    dataDir,
    ranges: [[{ subnet: RANGE }]],
    routes: [{ dst: '0.0.0.0/0' }],
  }
  return {
    name,
    node: makeNode(name.replaceAll(/[^a-z]+/g, '-'), address).path,
    program: `${DEBIAN}/${type}`,
    config: { cniVersion: '1.0.0', name: type, type, ...more, ipam },
    environment: { CNI_PATH: DEBIAN, PATH: process.env.PATH ?? '' },
  }
}

const bridge = { bridge: 'cni0', isGateway: true }

export async function makeCandidates(): Promise<readonly Plugin[]> {
  return [
    await podlane(),
    debian('bridge', 'bridge', bridge),
    debian('bridge + ipMasq', 'bridge', { ...bridge, ipMasq: true }),
    debian('ptp', 'ptp', {}),
  ]
}
