import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseWalkQuestion, splitTarget } from './walk_question.ts'

const refusal = (search: string): string => {
  const parsed = parseWalkQuestion(new URLSearchParams(search))
  assert.ok(!parsed.ok, `${search} was taken`)
  return `${parsed.error.object}: ${parsed.error.wanted}, ${parsed.error.found}`
}

test('a target is a name or an address, with or without a port', () => {
  const cases = [
    ['web-1', 'web-1', undefined],
    ['default/web-1:80', 'default/web-1', 80],
    ['10.244.2.2:8080', '10.244.2.2', 8080],
    ['fd00::1', 'fd00::1', undefined],
    ['[fd00::1]:53', 'fd00::1', 53],
    ['[fd00::1]', 'fd00::1', undefined],
  ] as const
  for (const [text, to, port] of cases) assert.deepEqual(splitTarget(text), { to, port })
})

test('a question is read with what it leaves out', () => {
  const parsed = parseWalkQuestion(new URLSearchParams('from=a&to=b&if=lane=plain&if=mtu=9000'))
  assert.ok(parsed.ok)
  assert.deepEqual(JSON.parse(JSON.stringify(parsed.value)), {
    ...{ from: 'a', to: 'b', protocol: 'tcp', change: { lane: 'plain', mtuBytes: 9000 } },
  })
})

test('what cannot be asked is refused by name', () => {
  assert.match(refusal('from=a'), /one is missing/)
  assert.match(refusal('from=a&to=b&protocol=sctp'), /tcp, udp or icmp, sctp/)
  assert.match(refusal('from=a&to=b&port=0'), /port: a whole number from 1 to 65535, 0/)
  assert.match(refusal('from=a&to=b&as=here'), /an IPv4 or IPv6 address/)
  assert.match(refusal('from=a&to=b&if=lane=slow'), /lane=fast\|plain/)
  assert.match(refusal('from=a&to=b&if=mtu=9'), /an MTU from 576/)
  assert.match(refusal('from=a&to=b&if=policy=p.yaml'), /policy is not built yet/)
  assert.match(refusal('arriving={}'), /as another agent describes it/)
  assert.match(refusal('arriving=nonsense'), /as another agent describes it/)
})
