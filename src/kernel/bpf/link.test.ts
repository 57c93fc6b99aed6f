import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { closeSync, existsSync, mkdirSync, openSync, rmdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { test } from 'node:test'
import { must } from '../../base/result.ts'
import { addClsact, delFilter, getFilters, parseFilter, setFilter } from '../netlink/clsact.ts'
import {
  ATTACH,
  attachToCgroup,
  attachToDevice,
  attachToSockets,
  type LinkPlace,
  openPinnedLink,
  programsAt,
} from './link.ts'
import { openPinnedMap, specDifference } from './map.ts'
import { loadObject, openPinnedProgram } from './program.ts'
import { programInfo } from './program_info.ts'
import { compile, counted, foundInstead, loadCounter, u32 } from './testing/counter.ts'
import { bpffsIn, vethIn } from './testing/veth.ts'

test('a tcx program sees packets, is replaced atomically, pinned, and found again', (t) => {
  const { node, device, send } = vethIn(t)
  const pins = bpffsIn(t)
  const loaded = loadCounter(t)
  const link = must(
    node.inside(() =>
      attachToDevice(loaded.program('count_one').fd, device, ATTACH.TCX_INGRESS, { at: 'head' }),
    ),
  )
  assert.deepEqual(
    node.inside(() => programsAt(device, ATTACH.TCX_INGRESS)),
    [programInfo(loaded.program('count_one').fd).id],
  )
  send()
  const one = counted(loaded, 1) ?? assert.fail('nothing counted')
  assert.equal(one[0], 1n)
  must(link.update(loaded.program('count_thousand').fd))
  send()
  assert.equal(counted(loaded, 1)?.[0], 1001n)

  must(link.pin(`${pins}/link`))
  must(loaded.map('counts').pin(`${pins}/counts`))
  must(loaded.program('count_one').pin(`${pins}/one`))
  link.close()
  send()
  const found = must(openPinnedLink(`${pins}/link`)) ?? assert.fail('no link')
  const map = must(openPinnedMap(`${pins}/counts`)) ?? assert.fail('no map')
  const program = must(openPinnedProgram(`${pins}/one`, 'count_one')) ?? assert.fail('no program')
  const info = node.inside(() => found.info())
  assert.equal(info.kind, 'tcx')
  assert.equal(info.ifindex, device)
  assert.equal(info.attachType, ATTACH.TCX_INGRESS)
  assert.equal(info.programId, programInfo(loaded.program('count_thousand').fd).id)
  assert.equal(map.lookup(u32(1))?.readBigUInt64LE(), 2001n)
  assert.equal(specDifference(map.spec, loaded.map('counts').spec), undefined)
  assert.equal(programInfo(program.fd).name, 'count_one')
  must(found.detach())
  send()
  assert.equal(counted(loaded, 1)?.[0], 2001n)
  for (const thing of [found, map, program]) thing.close()

  assert.equal(must(openPinnedMap(`${pins}/nothing`)), undefined)
  assert.match(foundInstead(openPinnedMap(`${pins}/one`)), /bpf-prog/)
})

test('links stand at a device in the order that was asked for', (t) => {
  const { node, device } = vethIn(t)
  const loaded = loadCounter(t, { classifierAttachType: ATTACH.TCX_EGRESS })
  const one = loaded.program('count_one').fd
  const thousand = loaded.program('count_thousand').fd
  const hook = ATTACH.TCX_EGRESS
  const attach = (fd: number, place: LinkPlace) => {
    const link = must(node.inside(() => attachToDevice(fd, device, hook, place)))
    t.after(() => link.close())
    return link
  }
  const order = () => node.inside(() => programsAt(device, hook)).join()
  const [idOne, idThousand] = [programInfo(one).id, programInfo(thousand).id]
  const first = attach(one, { at: 'tail' })
  attach(thousand, { before: first })
  assert.equal(order(), `${idThousand},${idOne}`)
})

test('the same program is a clsact filter on a kernel without tcx, recognised as ours', (t) => {
  const { node, accept, device, send } = vethIn(t)
  const loaded = loadCounter(t, { classifierAttachType: 0 })
  accept(addClsact(device))
  accept(setFilter(device, 'ingress', 'count', loaded.program('count_one').fd))
  send()
  assert.equal(counted(loaded, 1)?.[0], 1n)
  accept(setFilter(device, 'ingress', 'count', loaded.program('count_thousand').fd))
  send()
  assert.equal(counted(loaded, 1)?.[0], 1001n)
  const pin = `${bpffsIn(t)}/theirs`
  must(loaded.program('count_one').pin(pin))
  const theirs = ['filter', 'add', 'dev', 'node0', 'ingress', 'prio', '9', 'bpf', 'da', 'pinned', pin]
  execFileSync('nsenter', [`--net=${node.path}`, 'tc', ...theirs])
  const rows = () => node.route.dump(getFilters(device, 'ingress')).flatMap((body) => parseFilter(body) ?? [])
  const names = () => rows().map((r) => r.ownName)
  assert.deepEqual(names(), [undefined, 'count'])
  assert.equal(rows()[1]?.programId, programInfo(loaded.program('count_thousand').fd).id)
  accept(delFilter(device, 'ingress'))
  assert.deepEqual(names(), [undefined])
})

test('socket programs load and attach, to a cgroup and to a map of sockets', (t) => {
  const root = '/sys/fs/cgroup'
  const mounted = [`${root}/cgroup.procs`, `${root}/unified/cgroup.procs`].find((p) => existsSync(p))
  if (!mounted) return t.skip('no cgroup v2 is mounted')
  const folder = `${dirname(mounted)}/podlane-test-${process.pid}`
  mkdirSync(folder)
  t.after(() => rmdirSync(folder))
  const fd = openSync(folder, 'r')
  t.after(() => closeSync(fd))
  const loaded = must(loadObject(compile('sockets')))
  t.after(() => loaded.close())
  const link = must(attachToCgroup(loaded.program('watch').fd, fd, ATTACH.CGROUP_SOCK_OPS))
  assert.equal(link.info().kind, 'cgroup')
  assert.equal(link.info().attachType, ATTACH.CGROUP_SOCK_OPS)
  must(attachToSockets(loaded.program('pass').fd, loaded.map('sockets').fd))
  link.close()
})
