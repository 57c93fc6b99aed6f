// The agent's config: one YAML file, one schema, every default visible in it. An unknown key or a bad value is a
// Fault that names the key, and `configText` prints a config that parses to the same again.

import * as v from 'valibot'
import { stringify } from 'yaml'
import type { Result } from '../base/result.ts'
import { parseYaml } from './document.ts'
import { patternValue } from './pattern.ts'
import {
  cidrValue,
  deviceValue,
  ipValue,
  listenValue,
  nodeNameValue,
  oneOf,
  pathValue,
  portValue,
  routableCidrValue,
  switchValue,
  wholeNumber,
} from './values.ts'

export const configPath = '/etc/podlane/config.yaml'

const inputKinds = 'kubernetes or static'
const inputSchema = v.variant(
  'kind',
  [
    v.strictObject({
      kind: v.literal('kubernetes'),
      /** Absent: in-cluster, with the pod's service account. */
      kubeconfig: v.optional(pathValue),
    }),
    v.strictObject({ kind: v.literal('static'), file: pathValue }),
  ],
  inputKinds,
)

const uplinkWays = ['device', 'pattern', 'canReach'] as const
/** At most one way to find it; none: the interface that holds the node's address. */
const uplinkSchema = v.pipe(
  v.strictObject({
    device: v.optional(deviceValue),
    /** Globs or /regular expressions/; the first interface that fits one is the uplink. */
    pattern: v.optional(v.pipe(v.array(patternValue), v.minLength(1, 'at least one pattern'))),
    /** The interface by which the kernel would send to this address. */
    canReach: v.optional(ipValue),
  }),
  v.check(
    (uplink) => uplinkWays.filter((way) => uplink[way] !== undefined).length <= 1,
    `only one of ${uplinkWays.join(', ')}`,
  ),
)

// `off` without quotes is false to tools that still write YAML 1.1, Helm among them.
const offSchema = v.pipe(
  v.union([v.literal('off'), v.literal(false)]),
  v.transform(() => 'off' as const),
)
const httpSchema = v.strictObject({ listen: v.optional(listenValue, '127.0.0.1:9474') })
const probesSchema = v.strictObject({ port: v.optional(portValue, 9475) })

// Sections are `nullish`: `vxlan:` with every line under it commented out is null in YAML.
const configSchema = v.strictObject({
  /** Absent: the caller takes NODE_NAME from the environment, else the host's name. */
  nodeName: v.optional(nodeNameValue),
  input: v.nullish(inputSchema, { kind: 'kubernetes' }),
  pathMode: v.optional(oneOf(['auto', 'direct', 'vxlan']), 'auto'),
  uplink: v.nullish(uplinkSchema, {}),
  vxlan: v.nullish(
    v.strictObject({
      vni: v.optional(wholeNumber(1, 2 ** 24 - 1), 112),
      port: v.optional(portValue, 4789),
      /** A tunnel device that this node needs no more stays for so long: others may still send into it. */
      lingerSeconds: v.optional(wholeNumber(0, 86_400), 600),
    }),
    {},
  ),
  /** fast: packets between pods skip the kernel's stack where they can. plain: they all go through it. */
  lane: v.optional(oneOf(['fast', 'plain']), 'fast'),
  fastLane: v.nullish(
    v.strictObject({
      /** Flows that are remembered; 150 bytes each. */
      flows: v.optional(wholeNumber(1024, 2 ** 24), 131_072),
      /** Flows that nobody has answered yet. */
      newFlows: v.optional(wholeNumber(1024, 2 ** 24), 16_384),
      /** How programs are attached: tcx needs Linux 6.6; clsact is the way of older kernels. */
      attach: v.optional(oneOf(['auto', 'tcx', 'clsact']), 'auto'),
    }),
    {},
  ),
  /**
   * smallest: a pod's default route carries the MTU of the smallest path in use. uplink: full size, and TCP's
   * segment size is clamped where a path is smaller.
   */
  podMtu: v.optional(oneOf(['smallest', 'uplink']), 'smallest'),
  /** Of new pods. auto: netkit where the kernel has it, else veth. */
  podDevice: v.optional(oneOf(['auto', 'veth', 'netkit']), 'auto'),
  masquerade: v.nullish(
    v.strictObject({
      enabled: v.optional(switchValue, true),
      /** Destinations outside the cluster that see the pod's own address. */
      exclude: v.nullish(v.array(cidrValue), []),
    }),
    {},
  ),
  ipam: v.nullish(
    v.strictObject({
      /** A freed address is not given to another pod for so long. */
      coolDownSeconds: v.optional(wholeNumber(0, 86_400), 30),
      /** In place of Node.spec.podCIDRs, for hosts without an API. */
      ranges: v.optional(v.pipe(v.array(routableCidrValue), v.minLength(1, 'at least one range'))),
    }),
    {},
  ),
  directories: v.nullish(
    v.strictObject({
      run: v.optional(pathValue, '/run/podlane'),
      cniBin: v.optional(pathValue, '/opt/cni/bin'),
      cniConfig: v.optional(pathValue, '/etc/cni/net.d'),
      bpf: v.optional(pathValue, '/sys/fs/bpf/podlane'),
    }),
    {},
  ),
  /** A few UDP packets a second between nodes that measure each path; the same port on every node. */
  probes: v.nullish(v.union([offSchema, probesSchema], 'off, or port: 9475'), {}),
  http: v.nullish(v.union([offSchema, httpSchema], 'off, or listen: 127.0.0.1:9474'), {}),
  /** Where CPU time goes: samples a second of each processor, all the time; with off, only while somebody asks. */
  profile: v.nullish(
    v.union([offSchema, v.strictObject({ hz: v.optional(wholeNumber(1, 997), 49) })], 'off, or hz: 49'),
    {},
  ),
  log: v.nullish(
    v.strictObject({ level: v.optional(oneOf(['debug', 'info', 'warn', 'error']), 'info') }),
    {},
  ),
})

export type Config = v.InferOutput<typeof configSchema>

/** `source` is the file's name, for the Fault. An empty text gives the defaults. */
export const parseConfig = (text: string, source: string): Result<Config> =>
  parseYaml(configSchema, text, source)

/** The effective config as YAML, defaults included. */
export const configText = (config: Config): string => stringify(config)
