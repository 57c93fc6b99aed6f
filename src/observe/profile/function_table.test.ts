import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Stage } from '../../schema/stages.ts'
import {
  CLASS,
  CLASS_BITS,
  CONTEXT,
  DRIVERS_BELOW,
  FunctionTable,
  QUESTION,
  stageClass,
} from './function_table.ts'

const table = new FunctionTable()
const classOf = (name: string): number => table.wordOf(name) & CLASS_BITS

test('a function’s stage is that of its name, else of its longest known beginning', () => {
  const stages: Readonly<Record<string, Stage>> = {
    br_handle_frame: 'bridge',
    br_nf_pre_routing: 'netfilter',
    nf_hook_slow: 'netfilter',
    nf_conntrack_in: 'conntrack',
    ip_rcv: 'routing',
    ip_send_skb: 'socket',
    ip_generic_getfrag: 'copy',
    tcp_sendmsg: 'socket',
    tcp_gro_receive: 'gro',
    vxlan_xmit_one: 'encapsulation',
    vxlan_rcv: 'decapsulation',
    vxlan_gro_receive: 'gro',
    veth_xmit: 'veth',
    bpf_prog_01e084918de69acf_uplink_ingress: 'ebpf',
    skb_do_redirect: 'ebpf',
    skb_segment: 'transmit',
    __dev_queue_xmit: 'transmit',
    mlx5e_napi_poll: 'driver',
    wg_xmit: 'encryption',
    handle_softirqs: 'softirq',
  }
  for (const [name, stage] of Object.entries(stages)) assert.equal(classOf(name), stageClass(stage), name)
})

test('what the compiler puts behind a name does not matter', () => {
  assert.equal(classOf('do_softirq.part.0'), stageClass('softirq'))
  assert.equal(classOf('__netif_receive_skb_core.constprop.0'), stageClass('driver'))
})

test('library functions, idle and other work of the kernel are told apart from what nobody knows', () => {
  assert.equal(classOf('_raw_spin_unlock_irqrestore'), CLASS.LIBRARY)
  assert.equal(classOf('skb_release_data'), CLASS.LIBRARY)
  assert.equal(classOf('pv_native_safe_halt'), CLASS.IDLE)
  assert.equal(classOf('rcu_core'), CLASS.ELSEWHERE)
  assert.equal(classOf('a_new_function'), CLASS.UNKNOWN)
})

test('flags stand beside the class', () => {
  assert.ok((table.wordOf('__napi_poll') & DRIVERS_BELOW) !== 0)
  assert.ok((table.wordOf('__sys_bpf') & QUESTION) !== 0)
  assert.ok((table.wordOf('vxlan_xmit') & CONTEXT.vxlan) !== 0)
  assert.ok((table.wordOf('bpf_skb_adjust_room') & CONTEXT.grown) !== 0)
  assert.ok((table.wordOf('ip_forward_finish') & CONTEXT.forwarded) !== 0)
})
