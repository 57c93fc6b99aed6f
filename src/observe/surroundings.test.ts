import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { type TestContext, test } from 'node:test'
import { testNamespace } from '../../test/namespaces.ts'
import { type Cidr, parseCidr } from '../base/cidr.ts'
import { must } from '../base/result.ts'
import { readSurroundings } from './surroundings.ts'

const ranges = ['10.244.1.0/24', 'fd00:1::/64'].map((c): Cidr => must(parseCidr(c)))

/** A host of its own: what is set up there by its own commands, and what Podlane finds of it. */
function host(t: TestContext, ...commands: readonly string[]) {
  const ns = testNamespace(t)
  const shell = (command: string): void => {
    execFileSync('nsenter', [`--net=${ns.path}`, 'sh', '-ec', command], { stdio: 'pipe' })
  }
  commands.forEach(shell)
  const find = () =>
    ns.inside(() =>
      readSurroundings(ranges, async (program, ...args) => {
        const done = spawnSync('nsenter', [`--net=${ns.path}`, program, ...args], { encoding: 'utf8' })
        return done.status === 0 ? done.stdout : undefined
      }),
    )
  return { shell, find }
}

/** Runs what `status` says, as a person would. */
const cureOf = (found: Awaited<ReturnType<typeof readSurroundings>>): string =>
  found.map((f) => f.next.replace(/^run: /, '')).join(' && ')

const hosts: Readonly<Record<string, { readonly by: string; readonly setup: readonly string[] }>> = {
  'a FORWARD policy DROP of iptables': {
    by: 'iptables (chain FORWARD of table ip filter, policy drop)',
    setup: ['iptables -P FORWARD DROP'],
  },
  'a FORWARD policy DROP of ip6tables': {
    by: 'iptables (chain FORWARD of table ip6 filter, policy drop)',
    setup: ['ip6tables -P FORWARD DROP'],
  },
  'a FORWARD policy DROP of iptables-legacy': {
    by: 'iptables (chain FORWARD of iptables-legacy, policy DROP)',
    setup: ['iptables-legacy -P FORWARD DROP'],
  },
  Docker: {
    by: 'Docker (chain FORWARD of table ip filter, policy drop)',
    setup: [
      'iptables -P FORWARD DROP',
      'iptables -N DOCKER-USER',
      'iptables -I FORWARD -j DOCKER-USER',
      'iptables -A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
    ],
  },
  'a table of the host’s own nftables.conf': {
    by: 'another nft table (chain forward of table inet mine, policy drop)',
    setup: [
      'nft "add table inet mine; add chain inet mine forward { type filter hook forward priority 0; policy drop; }"',
    ],
  },
}

for (const [name, { by, setup }] of Object.entries(hosts)) {
  test(`${name} is named, and no longer once the command that it names was run`, async (t) => {
    const { shell, find } = host(t, ...setup)
    const found = await find()
    assert.deepEqual(
      found.map((f) => f.object),
      [by],
    )
    shell(cureOf(found))
    assert.deepEqual(await find(), [])
  })
}

test('a host without a firewall, with an open one, or with ours alone is not complained of', async (t) => {
  const { find, shell } = host(t)
  assert.deepEqual(await find(), [])
  shell('iptables -P FORWARD ACCEPT; iptables -P INPUT DROP; iptables-legacy -P FORWARD ACCEPT')
  shell(
    'nft "add table inet podlane; add chain inet podlane f { type filter hook forward priority 0; policy drop; }"',
  )
  assert.deepEqual(await find(), [])
})

test('a rule that lets only part of a range through, or only some packets, is no cure', async (t) => {
  const { find, shell } = host(t, 'iptables -P FORWARD DROP')
  shell('iptables -A FORWARD -s 10.244.1.0/25 -j ACCEPT; iptables -A FORWARD -d 10.244.0.0/16 -j ACCEPT')
  shell(
    'iptables -A FORWARD -s 10.244.0.0/16 -i lo -j ACCEPT; iptables -A FORWARD -s 10.244.1.0/24 -p tcp -j ACCEPT',
  )
  shell('iptables -A FORWARD -s 10.244.0.0/16 -m conntrack --ctstate ESTABLISHED -j ACCEPT')
  shell('iptables -A FORWARD -s 10.244.0.0/16 -j DROP')
  assert.equal((await find()).length, 1)
  shell('iptables -I FORWARD -s 10.244.0.0/16 -m comment --comment pods -j ACCEPT')
  assert.deepEqual(await find(), [])
})

test('firewalld and ufw are named with their own commands', async (t) => {
  const firewalld = host(
    t,
    'nft "add table inet firewalld; add chain inet firewalld filter_FORWARD { type filter hook forward priority 10; policy accept; }; add chain inet firewalld filter_FWD_trusted; add rule inet firewalld filter_FORWARD reject with icmpx type admin-prohibited"',
  )
  assert.equal(
    (await firewalld.find())[0]?.next,
    'run: firewall-cmd --permanent --zone=trusted --add-source=10.244.1.0/24 && ' +
      'firewall-cmd --permanent --zone=trusted --add-source=fd00:1::/64 && firewall-cmd --reload',
  )
  for (const rule of ['ip saddr 10.244.1.0/24', 'ip6 saddr fd00:1::/64'])
    firewalld.shell(`nft insert rule inet firewalld filter_FORWARD ${rule} goto filter_FWD_trusted`)
  assert.deepEqual(await firewalld.find(), [])

  const ufw = host(
    t,
    'iptables -P FORWARD DROP; iptables -N ufw-user-forward; iptables -A FORWARD -j ufw-user-forward',
  )
  assert.equal(
    (await ufw.find())[0]?.next,
    'run: ufw route allow from 10.244.1.0/24 && ufw route allow to 10.244.1.0/24',
  )
})

test('reading the host’s tables leaves the thread to others meanwhile', async () => {
  const held = Promise.withResolvers<undefined>()
  const reading = readSurroundings(ranges, () => held.promise)
  await new Promise((resolve) => setImmediate(resolve))
  held.resolve(undefined)
  assert.deepEqual(await reading, [])
})
