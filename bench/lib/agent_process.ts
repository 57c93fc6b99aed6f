// The real agent in a process of its own inside a node's namespace, bundled as it ships.

import { spawn } from 'node:child_process'
import { closeSync, existsSync, openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { fileURLToPath } from 'node:url'
import { must } from '../../src/base/result.ts'
import { configText, parseConfig } from '../../src/schema/config.ts'
import { FOLDER } from './sandbox.ts'

const program = fileURLToPath(new URL('../../podlane', import.meta.url))
const shim = fileURLToPath(new URL('../../dist/podlane-cni', import.meta.url))

/** A bench whose agents load eBPF mounts a bpffs here. */
export const BPF_FOLDER = `${FOLDER}/bpf`

export type AgentProcess = {
  readonly pid: number
  readonly run: string
  readonly close: () => Promise<void>
}

/** @param config YAML without `directories`, `http` and `log` */
export function startAgentProcess(name: string, node: string, config: string): AgentProcess {
  const folder = `${FOLDER}/${name}`
  const run = `${folder}-run`
  const effective = must(
    parseConfig(`${config}\nhttp: off\ndirectories:\n  run: ${run}\n  bpf: ${BPF_FOLDER}/${name}\n`, name),
  )
  writeFileSync(`${folder}.yaml`, configText(effective))
  const out = openSync(`${folder}.log`, 'a')
  const agent = [program, 'agent', '--config', `${folder}.yaml`]
  // Neither nsenter nor the script that starts Node stays: the child's ID is the agent's.
  const child = spawn('nsenter', [`--net=${node}`, ...agent], { stdio: ['ignore', out, out] })
  closeSync(out)
  const ended = new Promise<void>((resolve) => child.on('exit', () => resolve()))
  let closing = false
  child.on('exit', (code) => {
    if (closing) return
    console.error(readFileSync(`${folder}.log`, 'utf8').slice(-4000))
    throw new Error(`the agent ended with ${code}`)
  })
  const close = async (): Promise<void> => {
    closing = true
    child.kill('SIGTERM')
    await ended
  }
  return { pid: child.pid ?? 0, run, close }
}

/** Resolves when the agent takes CNI calls. */
export async function agentServes(agent: AgentProcess): Promise<void> {
  for (;;) {
    if (existsSync(`${agent.run}/cni.sock`) && (await canConnect(`${agent.run}/cni.sock`))) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

const canConnect = (path: string): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(path, () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', () => resolve(false))
  })

/** The plugin as a runtime calls it. */
export const podlanePlugin = (agent: AgentProcess) => ({
  program: shim,
  config: { cniVersion: '1.0.0', name: 'podlane', type: 'podlane' },
  environment: { PODLANE_SOCKET: `${agent.run}/cni.sock`, CNI_PATH: '/usr/lib/cni' },
})

const KIB = 1024
const MEGABYTE = 1e6

/** Resident memory now, and the most it ever was. */
export function memoryOf(pid: number): { readonly rssMb: number; readonly peakMb: number } {
  const text = readFileSync(`/proc/${pid}/status`, 'utf8')
  const field = (name: string): number =>
    (Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1]) * KIB) / MEGABYTE
  return { rssMb: field('VmRSS'), peakMb: field('VmHWM') }
}

export const descriptorsOf = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length
