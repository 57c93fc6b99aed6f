import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { type TestContext, test } from 'node:test'
import { testNamespace } from '../../test/namespaces.ts'
import { readHostRules } from './host_rules.ts'
import { passedRules } from './passed_rules.ts'

/** A host of its own, set up by its own commands. */
async function passedOn(t: TestContext, ...commands: readonly string[]) {
  const ns = testNamespace(t)
  for (const command of commands)
    execFileSync('nsenter', [`--net=${ns.path}`, 'sh', '-ec', command], { stdio: 'pipe' })
  return passedRules(
    await ns.inside(() =>
      readHostRules(async (program, ...args) => {
        const done = spawnSync('nsenter', [`--net=${ns.path}`, program, ...args], { encoding: 'utf8' })
        return done.status === 0 ? done.stdout : undefined
      }),
    ),
  )
}

test('a host without forward rules, or with ours and kube-proxy’s alone, has nothing to name', async (t) => {
  const found = await passedOn(
    t,
    'iptables -P FORWARD ACCEPT',
    'iptables -N KUBE-FORWARD',
    'iptables -A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP',
    'iptables -A FORWARD -m comment --comment "kubernetes forwarding rules" -j KUBE-FORWARD',
    'nft "table ip kube-proxy { chain f { type filter hook forward priority 0; ct state invalid drop; }; }"',
    'nft "table inet podlane { chain f { type filter hook forward priority 0; ct state invalid drop; }; }"',
    'nft "table inet input { chain i { type filter hook input priority 0; tcp dport 22 accept; }; }"',
  )
  assert.deepEqual(found, [])
})

test('rules of a forward chain are counted with those of the chains that it leads to, once', async (t) => {
  const found = await passedOn(
    t,
    'iptables -N DOCKER-USER',
    'iptables -A DOCKER-USER -s 192.0.2.7 -j DROP',
    'iptables -A DOCKER-USER -j RETURN',
    'iptables -A FORWARD -j DOCKER-USER',
    'iptables -A FORWARD -i docker0 -j DOCKER-USER',
    'iptables -A FORWARD -i docker0 -j ACCEPT',
    'ip6tables-legacy -N mine',
    'ip6tables-legacy -A mine -s 2001:db8::7 -j DROP',
    'ip6tables-legacy -A FORWARD -g mine',
    'nft "table inet strict { chain forward { type filter hook forward priority 0; ct state invalid drop; }; }"',
  )
  assert.deepEqual(found, [
    { where: 'chain FORWARD of table ip filter', rules: 3 },
    { where: 'chain forward of table inet strict', rules: 1 },
    { where: 'chain FORWARD of ip6tables-legacy', rules: 1 },
  ])
})
