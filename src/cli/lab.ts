// `podlane lab`: its subcommands and their options; what they do is loaded when it is called.

import { Argument, type Command, InvalidArgumentError, Option } from 'commander'
import type { LabOptions } from '../lab/record.ts'
import type { ExplainOptions } from './explain.ts'
import { addWalk } from './explain_options.ts'
import type { FaultKind, FaultOptions } from './lab_fault.ts'

export type UpOptions = {
  readonly nodes: number
  readonly pods: number
  readonly segments: number
  readonly ipv6?: true
  readonly dual?: true
  readonly path: LabOptions['pathMode']
  readonly mtu: number
  readonly lane: LabOptions['lane']
  readonly agent?: boolean
  readonly json?: true
}
type Json = { json?: true }

function wholeNumber(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('It must be a whole number.')
}

const number = (flags: string, text: string, usual: number): Option =>
  new Option(flags, text).default(usual).argParser(wholeNumber)
const jsonOption = (): Option => new Option('--json', 'as JSON')
const examples = (...lines: readonly string[]): string =>
  `\nExamples:\n${lines.map((l) => `  ${l}\n`).join('')}`

/** Number of nodes, pods and so on, for every command that makes a lab. */
export function addSize(command: Command): Command {
  return command
    .addOption(number('--nodes <n>', 'nodes', 3))
    .addOption(number('--pods <n>', 'pods on each node', 2))
    .addOption(number('--segments <n>', 'L2 segments, joined by a router', 1))
    .addOption(new Option('--ipv6', 'IPv6 alone').conflicts('dual'))
    .option('--dual', 'IPv4 and IPv6')
    .addOption(
      new Option('--path <kind>', 'path between nodes').choices(['auto', 'direct', 'vxlan']).default('auto'),
    )
    .addOption(new Option('--lane <lane>', 'lane between pods').choices(['fast', 'plain']).default('fast'))
    .addOption(number('--mtu <bytes>', "the underlay's MTU", 1500))
}

export function addLab(program: Command): void {
  const lab = program
    .command('lab')
    .description(
      'a Kubernetes cluster in network namespaces of this machine, with the real agent on every node',
    )
    .enablePositionalOptions()
    .addHelpText('after', examples('podlane lab up', 'podlane lab check', 'podlane lab down'))

  addSize(lab.command('up'))
    .description('bring a lab up; what an earlier one left is removed first')
    .option('--no-agent', 'nodes without agent and CNI files, to put others there')
    .addOption(jsonOption())
    .addHelpText('after', examples('podlane lab up --nodes 3 --pods 2', 'podlane lab up --segments 2 --dual'))
    .action(async (options: UpOptions) => (await import('./lab_commands.ts')).up(options))

  lab
    .command('status')
    .description('nodes, pods and what the agents say')
    .addOption(jsonOption())
    .addHelpText('after', examples('podlane lab status'))
    .action(async (options: Json) => (await import('./lab_commands.ts')).status(options.json === true))

  lab
    .command('check')
    .description('send packets of every kind between all pods, nodes and the outside')
    .addOption(jsonOption())
    .addHelpText('after', examples('podlane lab check', 'podlane lab check --json | jq .failed'))
    .action(async (options: Json) => (await import('./lab_commands.ts')).check(options.json === true))

  addWalk(lab.command('explain'))
    .addHelpText(
      'after',
      examples(
        'podlane lab explain node1-pod1 node2-pod1:8080',
        'podlane lab explain node1-pod1 node2 --if path=vxlan',
      ),
    )
    .action(async (from: string, to: string, options: ExplainOptions) =>
      (await import('./explain.ts')).explainInLab(from, to, options),
    )

  lab
    .command('exec')
    .description('run a command in a node, a pod, «hub» or «outside»')
    .argument('<where>', 'node1, node1-pod1, default/node1-pod1, hub, outside')
    .argument('<command...>', 'the command and its arguments')
    .passThroughOptions()
    .addHelpText(
      'after',
      examples('podlane lab exec node1 -- ip route', 'podlane lab exec node1-pod1 -- ip addr'),
    )
    .action(async (where: string, command: string[]) =>
      (await import('./lab_commands.ts')).exec(where, command),
    )

  addFault(lab)

  lab
    .command('kubeconfig')
    .description('print the path of the kubeconfig for kubectl')
    .addHelpText('after', examples('KUBECONFIG=$(podlane lab kubeconfig) kubectl get pods -o wide'))
    .action(async () => (await import('./lab_commands.ts')).kubeconfig())

  lab
    .command('down')
    .description('remove the lab and everything that it made')
    .addOption(jsonOption())
    .addHelpText('after', examples('podlane lab down'))
    .action(async (options: Json) => (await import('./lab_commands.ts')).down(options.json === true))

  lab
    .command('run-apiserver', { hidden: true })
    .action(async () => (await import('../lab/control_plane_process.ts')).runControlPlane())
  lab
    .command('run-node', { hidden: true })
    .argument('<name>')
    .action(async (name: string) => (await import('../lab/node/process.ts')).runNode(name))
}

function addFault(lab: Command): void {
  const kinds = ['mtu', 'checksum', 'oneway', 'none'] satisfies FaultKind[]
  lab
    .command('fault')
    .description(
      "break the network at a node's port: large packets vanish (mtu), checksums left to its device come out wrong " +
        '(checksum), what it sends vanishes (oneway); none mends all',
    )
    .addArgument(new Argument('<kind>', 'what breaks').choices(kinds))
    .argument('[node]', 'whose port; a node has one fault at a time')
    .option('--peer <node>', 'only between the node and this one')
    .addOption(
      new Option(
        '--path <kind>',
        'only packets of this kind of path; direct: all between the nodes but VXLAN',
      ).choices(['direct', 'vxlan']),
    )
    .addOption(number('--size <bytes>', 'with mtu: the largest IP packet of the underlay that passes', 1400))
    .addOption(jsonOption())
    .addHelpText(
      'after',
      examples(
        'podlane lab fault mtu node1 --size 1400',
        'podlane lab fault checksum node1 --peer node2',
        'podlane lab fault oneway node1 --peer node2 --path direct',
        'podlane lab fault none',
      ),
    )
    .action(async (kind: FaultKind, node: string | undefined, options: FaultOptions) =>
      (await import('./lab_fault.ts')).labFault(kind, node, options),
    )
}
