import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Recent } from './samples.ts'
import { checksumVerdict, largeVerdict } from './verdicts.ts'

/** `+` came, `-` did not, the newest last. */
const recent = (text: string): Recent => {
  const made = new Recent()
  for (const c of text) made.add(c === '+')
  return made
}
const checksum = (summed: string, unsummed: string, whole = '++++'): string =>
  checksumVerdict({ summed: recent(summed), unsummed: recent(unsummed), whole: recent(whole) })

test('checksums are broken where only what has none arrives, or where bytes come changed', () => {
  assert.equal(checksum('--------', '+-++'), 'broken')
  assert.equal(checksum('++++++++', '++++', '++-+-+-+'), 'broken')
  assert.equal(checksum('++++++++', '++++'), 'ok')
  assert.equal(checksum('+--+-+++', '++++'), 'ok')
})

test('of a path that loses everything, or of which little is known, nothing is said of checksums', () => {
  assert.equal(checksum('--------', '----'), 'unknown')
  assert.equal(checksum('-----', '++++'), 'unknown')
  assert.equal(checksum('-------+', '++++'), 'unknown')
  assert.equal(checksum('', ''), 'unknown')
})

const large = (trains: string, full: string, loss = 0.05): string =>
  largeVerdict({ trains: recent(trains), full: recent(full), loss })

test('large segments are broken where two trains are lost and single packets of their size are not', () => {
  assert.equal(large('+--', '++++'), 'broken')
  assert.equal(large('--', '-+++'), 'broken')
  assert.equal(large('+-', '++++'), 'unknown')
  assert.equal(large('--', '----'), 'unknown')
  assert.equal(large('--+', '++++'), 'ok')
})

test('on a path that loses a third of everything it takes six trains', () => {
  assert.equal(large('-----', '++-+', 0.33), 'unknown')
  assert.equal(large('------', '++-+', 0.33), 'broken')
})
