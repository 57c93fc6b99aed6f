// What both explain commands take: the ends of a packet, what it is like, and what would be changed.

import { type Command, InvalidArgumentError, Option } from 'commander'

function wholeNumber(text: string): number {
  if (/^\d{1,6}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('It must be a whole number.')
}

const several = (text: string, before: readonly string[] | undefined): readonly string[] => [
  ...(before ?? []),
  text,
]

export function addWalk(command: Command): Command {
  return command
    .description(
      'the walk of a packet, hop by hop, from what the kernel’s tables say now; with --if, how it would be otherwise',
    )
    .argument('<from>', 'a pod (NAMESPACE/NAME, NAME or address), or «node»')
    .argument('<to[:port]>', 'a pod, a node, or any address: [ADDRESS]:PORT for IPv6')
    .addOption(
      new Option('--protocol <name>', 'of the packet').choices(['tcp', 'udp', 'icmp']).default('tcp'),
    )
    .addOption(new Option('--sport <port>', 'the sender’s port: finds its very flow').argParser(wholeNumber))
    .addOption(new Option('--bytes <n>', 'size of the IP packet (64)').argParser(wholeNumber))
    .option('--as <address>', 'sent from another source address')
    .addOption(
      new Option(
        '--if <change>',
        'lane=fast|plain, path=direct|vxlan, mtu=BYTES; may be said again',
      ).argParser(several),
    )
    .option('--json', 'as JSON')
}
