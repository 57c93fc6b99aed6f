import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { classify, type Verdict } from './classify.ts'
import { CONTEXT, FunctionTable } from './function_table.ts'

const FOLDER = fileURLToPath(new URL('./testing/stacks/', import.meta.url))
const table = new FunctionTable()

function verdictOf(stack: string): Verdict {
  const words = stack.split(' ').map((name) => table.wordOf(name))
  return classify((i) => words[i] ?? 0, words.length)
}
const wordsOf = (verdict: Verdict): string => (verdict.kind === 'packet' ? verdict.stage : verdict.kind)
const contextOf = (stack: string): number => {
  const verdict = verdictOf(stack)
  return verdict.kind === 'packet' ? verdict.context : assert.fail(`no packet: ${stack}`)
}

type Line = { readonly stage: string; readonly samples: number; readonly stack: string }

/** As bench/record_stacks.ts wrote it; the stages were read through by a person. */
function recorded(path: string): Line[] {
  const lines = readFileSync(`${FOLDER}${path}`, 'utf8').trim().split('\n')
  return lines.map((line) => {
    const [stage = '', samples, ...stack] = line.split(' ')
    return { stage, samples: Number(samples), stack: stack.join(' ') }
  })
}

for (const path of readdirSync(FOLDER))
  test(`every stack recorded in ${path} is in its stage, and of packets’ time less than 2 % is in none`, () => {
    const lines = recorded(path)
    assert.ok(lines.length > 100)
    for (const { stage, stack } of lines) assert.equal(wordsOf(verdictOf(stack)), stage, stack)
    const sum = (of: (line: Line) => boolean): number => lines.filter(of).reduce((n, l) => n + l.samples, 0)
    const packets = sum((l) => l.stage !== 'elsewhere' && l.stage !== 'idle')
    assert.ok(sum((l) => l.stage === 'other') < 0.02 * packets)
  })

test('the recorded paths differ by the stages that make them', () => {
  const stages = (path: string): Set<string> => new Set(recorded(`${path}.txt`).map((l) => l.stage))
  for (const path of ['node', 'fast-direct', 'fast-vxlan', 'plain-direct'])
    assert.ok(!stages(path).has('decapsulation'), path)
  for (const path of ['plain-vxlan', 'flannel'])
    for (const stage of ['encapsulation', 'conntrack', 'netfilter']) assert.ok(stages(path).has(stage), path)
  for (const path of ['fast-direct', 'fast-vxlan']) assert.ok(stages(path).has('ebpf'), path)
})

test('library functions are the time of whoever called them', () => {
  const stack = '_raw_spin_unlock_irqrestore sock_def_readable tcp_data_queue tcp_v4_rcv ip_rcv net_rx_action'
  assert.equal(wordsOf(verdictOf(stack)), 'socket')
})

test('a function that nobody knows is other, and which it was is said; below a poll it is a driver’s', () => {
  const verdict = verdictOf('memcpy brand_new_thing tcp_sendmsg do_syscall_64')
  assert.ok(verdict.kind === 'packet' && verdict.stage === 'other' && verdict.unknownFrame === 1)
  assert.equal(wordsOf(verdictOf('brand_new_poll __napi_poll net_rx_action handle_softirqs')), 'driver')
  assert.equal(wordsOf(verdictOf('brand_new_xmit dev_hard_start_xmit __dev_queue_xmit')), 'driver')
})

test('what no packet caused is elsewhere: other softirqs, system calls, questions to BPF', () => {
  for (const stack of [
    'rcu_do_batch rcu_core handle_softirqs __irq_exit_rcu',
    'vfs_read ksys_read do_syscall_64',
    'bpf_map_do_batch __sys_bpf do_syscall_64',
    'bpf_prog_dfbb9df3beabf92c_sweep bpf_prog_test_run_syscall __sys_bpf do_syscall_64',
    'unix_stream_sendmsg sock_sendmsg __sys_sendto do_syscall_64',
  ])
    assert.equal(wordsOf(verdictOf(stack)), 'elsewhere', stack)
  assert.equal(wordsOf(verdictOf('pv_native_safe_halt default_idle do_idle')), 'idle')
})

test('a packet that comes while somebody asks BPF something is still a packet', () => {
  const stack = 'ip_rcv net_rx_action handle_softirqs __irq_exit_rcu htab_map_alloc __sys_bpf do_syscall_64'
  assert.equal(wordsOf(verdictOf(stack)), 'routing')
})

test('the way of a packet is read from its own part of the stack, not from what it interrupted', () => {
  const inner =
    'ip_rcv __netif_receive_skb_one_core process_backlog __napi_poll net_rx_action handle_softirqs'
  assert.equal(contextOf(`${inner} __local_bh_enable_ip __dev_queue_xmit iptunnel_xmit vxlan_xmit`), 0)
  assert.equal(
    contextOf('veth_xmit dev_hard_start_xmit __dev_queue_xmit iptunnel_xmit vxlan_xmit_one'),
    CONTEXT.vxlan,
  )
  assert.equal(
    contextOf('veth_xmit __dev_queue_xmit __bpf_redirect skb_do_redirect process_backlog'),
    CONTEXT.redirected,
  )
  assert.equal(
    contextOf('fib_table_lookup ip_forward ip_rcv net_rx_action handle_softirqs'),
    CONTEXT.forwarded,
  )
})
