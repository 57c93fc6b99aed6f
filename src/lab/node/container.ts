// One container of the lab: the pod server as a process in the pod's namespace, whatever image was named. Its ports
// follow from its place in the pod, its declared ports and its arguments.

import { type ChildProcess, spawn } from 'node:child_process'
import { podServerProgram } from '../programs.ts'
import type { ContainerSpec } from './pod_spec.ts'

export type Ports = {
  readonly http: readonly number[]
  readonly tcpEcho: readonly number[]
  readonly udpEcho: readonly number[]
}

/**
 * The first container of a pod has HTTP on 8080 and echo on 7, the next 8081 and 1007, and so on, so that they live
 * side by side; declared TCP ports speak HTTP and declared UDP ports echo. `--http=`, `--tcp-echo=` and `--udp-echo=`
 * among the arguments say otherwise.
 */
export function portsOf(container: ContainerSpec, index: number): Ports {
  const echo = 7 + 1000 * index
  const tcpEcho = argumentPorts(container, 'tcp-echo') ?? [echo]
  const declared = (protocol: string): readonly number[] =>
    container.ports.filter((p) => p.protocol === protocol).map((p) => p.containerPort)
  return {
    http: argumentPorts(container, 'http') ?? unique([8080 + index, ...declared('TCP')], tcpEcho),
    tcpEcho,
    udpEcho: argumentPorts(container, 'udp-echo') ?? unique([echo, ...declared('UDP')], []),
  }
}

const unique = (ports: readonly number[], taken: readonly number[]): readonly number[] =>
  [...new Set(ports)].filter((p) => !taken.includes(p))

function argumentPorts(container: ContainerSpec, name: string): readonly number[] | undefined {
  const given = container.args.findLast((a) => a.startsWith(`--${name}=`))
  if (given === undefined) return undefined
  const ports = given
    .slice(name.length + 3)
    .split(',')
    .map(Number)
  return ports.every((p) => Number.isInteger(p) && p > 0 && p < 65_536) ? ports : undefined
}

export type ContainerOptions = {
  readonly name: string
  readonly hostname: string
  readonly node: string
  readonly ports: Ports
  /** Absent: the namespace that this process is in. */
  readonly netns?: string
  /** Descriptor that takes what the container says on stderr. */
  readonly logFd: number
}

export type Container = {
  readonly process: ChildProcess
  readonly pid: number
  readonly startedAt: string
  /** True when it listens, false when it ended before. */
  readonly listening: Promise<boolean>
  /** Exit code; 128 and the signal's number after a signal is told as 137. */
  readonly ended: Promise<number>
}

export function startContainer(options: ContainerOptions): Container {
  const { ports } = options
  const args = [
    `--hostname=${options.hostname}`,
    `--container=${options.name}`,
    `--node=${options.node}`,
    `--http=${ports.http.join(',')}`,
    `--tcp-echo=${ports.tcpEcho.join(',')}`,
    `--udp-echo=${ports.udpEcho.join(',')}`,
  ]
  const server = [...podServerProgram(), ...args]
  const command =
    options.netns === undefined ? server : ['nsenter', `--net=${options.netns}`, '--', ...server]
  const [file = '', ...rest] = command
  const child = spawn(file, rest, { stdio: ['ignore', 'pipe', options.logFd] })
  const ended = new Promise<number>((resolve) => {
    child.once('error', () => resolve(127))
    child.once('exit', (code) => resolve(code ?? 137))
  })
  const said = new Promise<boolean>((resolve) => child.stdout?.once('data', () => resolve(true)))
  return {
    process: child,
    pid: child.pid ?? 0,
    startedAt: new Date().toISOString(),
    listening: Promise.race([said, ended.then(() => false)]),
    ended,
  }
}

/** A SIGTERM ends it at once; what does not end within the grace is killed. */
export async function stopContainer(container: Container, graceMs: number): Promise<void> {
  container.process.kill('SIGTERM')
  const timer = setTimeout(() => container.process.kill('SIGKILL'), graceMs)
  await container.ended
  clearTimeout(timer)
}
