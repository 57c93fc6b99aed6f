// The `podlane` command. Each subcommand is loaded when it is called, so that the agent and its answers start fast
// and load only what they need.

import { release } from 'node:os'
import { Argument, Command, CommanderError } from 'commander'
import packageFacts from '../../package.json' with { type: 'json' }
import type { LaneWord } from '../schema/lane_request.ts'
import type { AdviseOptions } from './advise.ts'
import { addBench } from './bench.ts'
import type { ExplainOptions } from './explain.ts'
import { addWalk } from './explain_options.ts'
import { addLab, addSize, type UpOptions } from './lab.ts'
import type { LaneOptions } from './lane.ts'
import type { PathsOptions } from './paths.ts'
import type { ProfileOptions } from './profile.ts'
import type { ReportOptions } from './report.ts'
import { USAGE } from './terminal.ts'

const program = new Command('podlane')
  .description(packageFacts.description)
  .enablePositionalOptions()
  .showHelpAfterError('See «podlane --help».')
  .exitOverride()

/** As the agent takes them (`LaneWord`); its schema is loaded only with the command. */
const laneWords = ['fast', 'plain', 'default'] satisfies LaneWord[]
const examples = (...lines: readonly string[]): string =>
  `\nExamples:\n${lines.map((l) => `  ${l}\n`).join('')}`

program
  .command('agent')
  .description('run the node agent')
  .option('--config <file>', 'its config', '/etc/podlane/config.yaml')
  .addHelpText('after', examples('podlane agent', 'podlane agent --config ./node1.yaml'))
  .action(async (options: { config: string }) =>
    (await import('./agent.ts')).agent(options.config, packageFacts.version),
  )

program
  .command('status')
  .description(
    "the agent's state: source, pods, ranges, the path to every other node, what is wrong and its cure",
  )
  .option('--socket <path>', "the agent's socket", '/run/podlane/agent.sock')
  .option('--json', 'as JSON')
  .addHelpText(
    'after',
    examples('podlane status', "podlane status --json | jq '.peers[] | {name, path, why}'"),
  )
  .action(async (options: { socket: string; json?: true }) =>
    (await import('./status.ts')).showStatus(options.socket, options.json === true),
  )

program
  .command('lane')
  .description(
    'the lane to each peer, what went over it and why; with a word, another lane from now on, until the node restarts',
  )
  .addArgument(new Argument('[lane]', 'default: what the config says').choices(laneWords))
  .option('--peer <node>', 'only to and from this node')
  .option('--socket <path>', "the agent's socket", '/run/podlane/agent.sock')
  .option('--json', 'as JSON')
  .addHelpText(
    'after',
    examples('podlane lane', 'podlane lane plain', 'podlane lane fast --peer node2', 'podlane lane default'),
  )
  .action(async (word: LaneWord | undefined, options: LaneOptions) =>
    (await import('./lane.ts')).lane(word, options),
  )

addWalk(program.command('explain'))
  .option('--socket <path>', "the agent's socket", '/run/podlane/agent.sock')
  .option('--peer-socket <path>', "the other node's agent, for its half of the walk")
  .addHelpText(
    'after',
    examples(
      'podlane explain default/web-1 10.244.2.5:8080',
      'podlane explain node 10.244.1.7 --protocol icmp',
      'podlane explain default/web-1 10.244.2.5 --if lane=plain --if mtu=9000',
      'podlane explain default/web-1 default/db-0:5432 --peer-socket ./node2/agent.sock --json',
    ),
  )
  .action(async (from: string, to: string, options: ExplainOptions) =>
    (await import('./explain.ts')).explain(from, to, options),
  )

program
  .command('paths')
  .description(
    'each path to every other node: round trip, loss, true MTU and packets as measured, and what a better one would need',
  )
  .option('--peer <node>', 'only to this node')
  .option('--socket <path>', "the agent's socket", '/run/podlane/agent.sock')
  .option('--json', 'as JSON')
  .addHelpText(
    'after',
    examples(
      'podlane paths',
      'podlane paths --peer node2',
      "podlane paths --json | jq '.peers[] | {peer, faults}'",
    ),
  )
  .action(async (options: PathsOptions) => (await import('./paths.ts')).showPaths(options))

program
  .command('profile')
  .description(
    'where the CPU time of packets goes: by stage, per packet and path, by pod; of the last minute, or of an interval',
  )
  .option('--for <duration>', 'measure from now on, with many samples: 10s, 2m')
  .option('--socket <path>', "the agent's socket", '/run/podlane/agent.sock')
  .option('--json', 'as JSON')
  .addHelpText(
    'after',
    examples(
      'podlane profile',
      'podlane profile --for 10s',
      "podlane profile --for 30s --json | jq '.paths[] | {path, lane, nsPerPacket}'",
    ),
  )
  .action(async (options: ProfileOptions) => (await import('./profile.ts')).profile(options))

program
  .command('advise')
  .description(
    'what binds this node now, how much it could carry, and what a bigger machine, more of them or a faster path would give',
  )
  .option('--for <duration>', 'how long to look: 10s, 2m; a load that varies meanwhile tells more', '10s')
  .option('--socket <path>', "the agent's socket", '/run/podlane/agent.sock')
  .option('--json', 'as JSON')
  .addHelpText(
    'after',
    examples(
      'podlane advise',
      'podlane advise --for 2m',
      'podlane advise --json | jq \'.verdict, .limit, .options[] | select(.answer == "helps")\'',
    ),
  )
  .action(async (options: AdviseOptions) => (await import('./advise.ts')).advise(options))

program
  .command('config')
  .description('check a config and print it with every default')
  .option('--config <file>', 'the file', '/etc/podlane/config.yaml')
  .option('--json', 'as JSON')
  .addHelpText('after', examples('podlane config --config ./node1.yaml'))
  .action(async (options: { config: string; json?: true }) =>
    (await import('./config.ts')).showConfig(options.config, options.json === true),
  )

const folders = (command: Command): Command =>
  command
    .option('--bin-dir <folder>', 'where the runtime looks for programs', '/opt/cni/bin')
    .option('--conf-dir <folder>', 'where the runtime looks for networks', '/etc/cni/net.d')
    .option(
      '--host-root <folder>',
      "the host's file system, for drop-ins of networkd and NetworkManager",
      '/',
    )
    .option('--json', 'as JSON')

type CniOptions = { binDir: string; confDir: string; hostRoot: string; network?: string; json?: true }

folders(program.command('install-cni'))
  .description(
    'put the CNI program and its network configuration in place, and keep networkd and NetworkManager off',
  )
  .option('--network <name>', "the network's name")
  .addHelpText('after', examples('podlane install-cni', 'podlane install-cni --bin-dir /usr/lib/cni'))
  .action(async (options: CniOptions) => (await import('./cni.ts')).install(options))

folders(program.command('uninstall-cni'))
  .description('take away what install-cni put in place, and nothing else')
  .addHelpText('after', examples('podlane uninstall-cni'))
  .action(async (options: CniOptions) => (await import('./cni.ts')).uninstall(options))

addLab(program)
addBench(program)

addSize(program.command('demo'))
  .description('bring a lab up, check every pair, show what came of it, and take the lab down again')
  .addHelpText('after', examples('podlane demo', 'podlane demo --segments 2 --dual'))
  .action(async (options: UpOptions) => (await import('./demo.ts')).demo(options))

program
  .command('report')
  .description(
    'write one HTML file of topology, paths, stage costs, the verdict and what is wrong, for a browser or for paper',
  )
  .option('--output <file>', 'where it goes', 'podlane-report.html')
  .option('--for <duration>', 'how long to look where the time goes: 10s, 2m', '10s')
  .option('--surge <file>', 'curves of «make bench-surge»: bench/results/surge-curves.json')
  .option('--socket <path...>', 'sockets of agents (default: /run/podlane/agent.sock)')
  .option('--lab', 'every node of the lab')
  .option('--json', 'print what the report is made of, and write no file')
  .addHelpText(
    'after',
    examples(
      'podlane report',
      'podlane report --lab --surge bench/results/surge-curves.json --output lab.html',
      'podlane report --for 30s --output /tmp/node.html',
    ),
  )
  .action(async (options: ReportOptions) =>
    (await import('./report.ts')).report(options, packageFacts.version),
  )

program
  .command('version')
  .description('what this is and what it runs on')
  .option('--json', 'as JSON')
  .addHelpText('after', examples('podlane version --json'))
  .action((options: { json?: true }) => {
    const facts = {
      version: packageFacts.version,
      node: process.version,
      kernel: release(),
      arch: process.arch,
    }
    const text = `podlane ${facts.version} (node ${facts.node}, linux ${facts.kernel}, ${facts.arch})`
    process.stdout.write(`${options.json ? JSON.stringify(facts) : text}\n`)
  })

try {
  await program.parseAsync()
} catch (error) {
  if (!(error instanceof CommanderError)) throw error
  // Commander has said it already; help that was asked for is no failure.
  process.exitCode = error.exitCode === 0 ? 0 : USAGE
}
