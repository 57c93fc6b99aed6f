// `podlane bench`: its subcommands and their options; what they do is loaded when it is called.

import type { Command } from 'commander'
import type { RampCommand } from './ramp.ts'

export function addBench(program: Command): void {
  const bench = program
    .command('bench')
    .description('measurements in a lab that is up («podlane lab up»)')
    .addHelpText('after', '\nExamples:\n  podlane bench ramp\n')

  bench
    .command('ramp')
    .description(
      'offer a rising load between two pods by the plain and by the fast lane, predict from its low steps what each carries, and compare with what it reaches; the pair then has its default lane again',
    )
    .option('--from <pod>', 'that asks', 'node1-pod1')
    .option('--to <pod>', 'that answers, on another node', 'node2-pod1')
    .option('--look <duration>', 'how long each of several looks at a load takes', '0.2s')
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      "\nExamples:\n  podlane bench ramp\n  podlane bench ramp --look 1s --json | jq '.gain, .words'\n",
    )
    .action(async (options: RampCommand) => (await import('./ramp.ts')).benchRamp(options))
}
