import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { until } from '../../../test/agent/until.ts'
import type { IfIndex } from '../../base/ifindex.ts'
import { must } from '../../base/result.ts'
import { ATTACH, hasDeviceHook, programsAt } from '../../kernel/bpf/link.ts'
import { counted, foundInstead, loadCounter } from '../../kernel/bpf/testing/counter.ts'
import { bpffsIn, vethIn } from '../../kernel/bpf/testing/veth.ts'
import { chooseAttachments } from './attachment_choice.ts'
import type { Attachments, Device } from './attachments.ts'

type Way = Attachments['way']
const hasTcx = hasDeviceHook(ATTACH.TCX_INGRESS)
const noTcx = hasTcx ? false : 'this kernel has no tcx'
const ways: readonly { readonly way: Way; readonly skip: string | false }[] = [
  { way: 'tcx', skip: noTcx },
  { way: 'clsact', skip: false },
]

/** A pod's veth, two programs that count the frames it sends, and agents that come one after the other. */
function podVeth(t: TestContext) {
  const { node, device, send } = vethIn(t)
  const folder = bpffsIn(t)
  const loaded = loadCounter(t, { classifierAttachType: 0 })
  const tc = (...args: readonly string[]): string =>
    execFileSync('nsenter', [`--net=${node.path}`, 'tc', ...args], { encoding: 'utf8', stdio: 'pipe' })
  const agent = (way: Way) => {
    const { attachments, dropFormer } = must(node.inside(() => chooseAttachments(folder, way)))
    t.after(() => attachments.close())
    return {
      attach: (hook: 'pod-egress' | 'pod-ingress', name: string, to: Device = pod) =>
        node.inside(() => attachments.attach(to, hook, loaded.program(name))),
      detach: () => node.inside(() => attachments.detach(pod.name)),
      isAttached: (to: Device = pod) => node.inside(() => attachments.isAttached(to, 'pod-egress')),
      devices: () => node.inside(() => attachments.devices()),
      dropFormer: () => node.inside(dropFormer),
    }
  }
  const pod: Device = { index: device, name: 'node0' }
  const sent = (): bigint => {
    send()
    // On a busy machine the packet may be left to ksoftirqd.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RECEIVED_MS)
    return counted(loaded, 1)?.[0] ?? 0n
  }
  const pin = (name: string): string => {
    const path = join(folder, name)
    must(loaded.program(name).pin(path))
    return path
  }
  /** The kernel takes a link off some time after its last pin is gone. */
  const linkGone = () =>
    until('no link', () => !hasTcx || node.inside(() => programsAt(device, ATTACH.TCX_INGRESS)).length === 0)
  return { agent, pod, sent, tc, pin, linkGone }
}

const RECEIVED_MS = 30

for (const { way, skip } of ways) {
  test(`${way}: a program sees packets, gives way to another, and outlives its agent`, {
    skip,
  }, async (t) => {
    const { agent, sent, linkGone } = podVeth(t)
    const first = agent(way)
    assert.deepEqual([first.isAttached(), first.devices()], [false, []])
    assert.equal(must(first.attach('pod-egress', 'count_one')), true)
    assert.equal(must(first.attach('pod-ingress', 'count_one')), true)
    assert.equal(must(first.attach('pod-egress', 'count_one')), false)
    assert.deepEqual([first.isAttached(), first.devices()], [true, ['node0']])
    assert.equal(sent(), 1n)
    assert.equal(must(first.attach('pod-egress', 'count_thousand')), true)
    assert.equal(sent(), 1001n)

    const second = agent(way)
    assert.deepEqual([second.isAttached(), second.devices()], [true, ['node0']])
    assert.equal(must(second.attach('pod-egress', 'count_thousand')), false, 'the same program')
    assert.equal(must(second.attach('pod-egress', 'count_one')), true)
    assert.equal(sent(), 1002n)
    assert.doesNotThrow(() => second.detach(), 'once more')
    assert.deepEqual([second.isAttached(), second.devices()], [false, []])
    await linkGone()
    assert.equal(sent(), 1002n)
    assert.doesNotThrow(() => second.detach(), 'once more')
  })

  test(`${way}: a device that is gone is a fault, and nothing stands on the next of its name`, {
    skip,
  }, (t) => {
    const { agent, pod } = podVeth(t)
    const one = agent(way)
    must(one.attach('pod-egress', 'count_one'))
    const other: Device = { ...pod, index: 77 as IfIndex }
    assert.equal(one.isAttached(other), false)
    assert.match(foundInstead(agent(way).attach('pod-egress', 'count_one', other)), /ENODEV/)
  })

  const other: Way = way === 'tcx' ? 'clsact' : 'tcx'
  test(`${other} to ${way}: every packet meets a program, in the end one`, { skip: noTcx }, async (t) => {
    const { agent, sent, tc, linkGone } = podVeth(t)
    must(agent(other).attach('pod-egress', 'count_one'))
    assert.equal(sent(), 1n)
    const next = agent(way)
    must(next.attach('pod-egress', 'count_thousand'))
    assert.equal(sent(), 1002n, 'both for a moment')
    assert.deepEqual(next.dropFormer(), ['node0'])
    if (way === 'clsact') await linkGone()
    assert.equal(sent(), 2002n)
    assert.deepEqual(next.dropFormer(), [])
    assert.equal(tc('qdisc', 'show', 'dev', 'node0').includes('clsact'), way === 'clsact')
  })
}

test('auto is tcx where the kernel has it, clsact elsewhere; tcx alone is a fault there', (t) => {
  const folder = join(bpffsIn(t), 'lane')
  mkdirSync(folder)
  const auto = must(chooseAttachments(folder, 'auto')).attachments
  assert.equal(auto.way, hasTcx ? 'tcx' : 'clsact')
  auto.close()
  const found = foundInstead(chooseAttachments(folder, 'tcx'))
  assert.match(found, hasTcx ? /^$/ : /without it/)
})

test('clsact: others’ filters stay with the qdisc, and it goes once nobody has one in it', (t) => {
  const { agent, tc, pin, sent } = podVeth(t)
  const own = agent('clsact')
  must(own.attach('pod-egress', 'count_thousand'))
  const theirs = pin('count_one')
  tc('filter', 'add', 'dev', 'node0', 'ingress', 'prio', '9', 'bpf', 'da', 'pinned', theirs)
  assert.equal(sent(), 1001n, 'first theirs, then ours')
  own.detach()
  assert.equal(sent(), 1002n)
  tc('filter', 'del', 'dev', 'node0', 'ingress')
  must(own.attach('pod-egress', 'count_thousand'))
  own.detach()
  assert.doesNotMatch(tc('qdisc', 'show', 'dev', 'node0'), /clsact/)
})

test('clsact: a qdisc of others stays, and one that somebody removed is made again', (t) => {
  const { agent, tc, sent } = podVeth(t)
  tc('qdisc', 'add', 'dev', 'node0', 'clsact')
  const own = agent('clsact')
  must(own.attach('pod-egress', 'count_one'))
  own.detach()
  assert.match(tc('qdisc', 'show', 'dev', 'node0'), /clsact/)
  must(own.attach('pod-egress', 'count_one'))
  tc('qdisc', 'del', 'dev', 'node0', 'clsact')
  assert.deepEqual([own.isAttached(), own.devices()], [false, []])
  assert.equal(must(own.attach('pod-egress', 'count_one')), true)
  assert.equal(sent(), 1n)
  own.detach()
  assert.doesNotMatch(tc('qdisc', 'show', 'dev', 'node0'), /clsact/)
})

test('clsact: an ingress qdisc of others has one side for us; a filter in our place is left there', (t) => {
  const { agent, tc, pin, sent } = podVeth(t)
  tc('qdisc', 'add', 'dev', 'node0', 'ingress')
  const own = agent('clsact')
  assert.match(foundInstead(own.attach('pod-ingress', 'count_one')), /the qdisc ingress/)
  must(own.attach('pod-egress', 'count_one'))
  assert.match(foundInstead(own.attach('pod-ingress', 'count_one')), /another bpf filter/)
  assert.deepEqual(own.devices(), ['node0'])
  own.detach()
  const place = ['ingress', 'prio', `${0x706c}`, 'handle', '1']
  tc('filter', 'add', 'dev', 'node0', ...place, 'bpf', 'da', 'pinned', pin('count_thousand'))
  assert.match(foundInstead(own.attach('pod-egress', 'count_one')), /another bpf filter/)
  own.detach()
  assert.equal(sent(), 1000n)
})
