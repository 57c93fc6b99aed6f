// The kernel Worker: the one thread that changes the kernel, and that hears of changes by others.

import { parentPort, workerData } from 'node:worker_threads'
import { createFirewall } from '../apply/firewall.ts'
import { NodeKernel } from '../apply/node.ts'
import { watchKernel } from '../apply/watch.ts'
import type { Config } from '../schema/config.ts'
import type { Call, Said } from './kernel_protocol.ts'

const config = (workerData as { config: Config }).config
const port = parentPort
if (!port) throw new Error('the kernel worker is started by the agent, not by itself')

const say = (said: Said): void => port.postMessage(said)
const node = new NodeKernel(config, createFirewall(config))
watchKernel((look) => say({ look }))

port.on('message', ({ id, name, args }: Call) => {
  // One cast at the thread boundary: both sides are typed by KernelCalls.
  const call = node[name].bind(node) as (...given: readonly unknown[]) => unknown
  say({ id, value: call(...args) })
})
