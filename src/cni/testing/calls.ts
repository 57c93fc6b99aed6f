// Calls as a runtime would make them, for tests: an environment block and a config of one version.

import { closeSync, openSync } from 'node:fs'
import type { CniCall, GivenNetns, Reply } from '../call.ts'
import type { PodNetwork } from '../network.ts'
import { handleCall } from '../verbs.ts'

export type Variables = Readonly<Record<string, string | undefined>>

export const podVariables = (command: string, containerId = 'c1'): Variables => ({
  CNI_COMMAND: command,
  CNI_CONTAINERID: containerId,
  CNI_IFNAME: 'eth0',
  CNI_NETNS: '/run/netns/blue',
  CNI_ARGS: 'IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=web-0;K8S_POD_UID=u-1',
  CNI_PATH: '/opt/cni/bin',
})

export const environmentOf = (variables: Variables): Uint8Array =>
  Buffer.from(
    Object.entries(variables)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => `${name}=${value}\0`)
      .join(''),
  )

export const configOf = (cniVersion: string | undefined, more: object = {}): object => ({
  ...(cniVersion === undefined ? {} : { cniVersion }),
  name: 'podlane',
  type: 'podlane',
  ...more,
})

/** One call in this process. A namespace of its own is not needed where no kernel is: any descriptor will do. */
export async function callVerb(
  network: PodNetwork,
  variables: Variables,
  config: object | string | Uint8Array,
  given?: Exclude<GivenNetns, { state: 'open' }>,
  repeated = false,
): Promise<Reply & { readonly json: Record<string, unknown> }> {
  const fd = openSync('/proc/self/ns/net', 'r')
  const stdin =
    config instanceof Uint8Array
      ? config
      : Buffer.from(typeof config === 'string' ? config : JSON.stringify(config))
  const call: CniCall = {
    environment: environmentOf(variables),
    stdin,
    netns: given ?? { state: 'open', fd },
    repeated,
  }
  try {
    const reply = await handleCall(call, network)
    return { ...reply, json: reply.stdout ? JSON.parse(reply.stdout) : {} }
  } finally {
    closeSync(fd)
  }
}
