import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../src', import.meta.url))

/** Each part with the parts that it may import, as CONTRIBUTING.md says. Its own files a part may always import. */
const layers: Readonly<Record<string, readonly string[]>> = (() => {
  const chain = [
    'base',
    'schema',
    'kernel',
    'state',
    'input',
    'plan',
    'apply',
    'ipam',
    'cni',
    'observe',
    'explain',
    'agent',
  ]
  const below = Object.fromEntries(chain.map((part, i) => [part, chain.slice(0, i)]))
  return {
    ...below,
    // Neither of the two needs the kernel.
    state: ['base', 'schema'],
    input: ['base', 'schema', 'state'],
    // They speak to the agent over its socket; the lab prepares a machine, for which it needs the kernel's words.
    lab: ['base', 'schema', 'kernel', 'state', 'input', 'plan', 'cni'],
    // `install-cni` puts files in place, `agent` is the agent; whatever asks a running one asks its socket. What a bench
    // has measured in the lab is explained here: `explain` is pure.
    cli: ['base', 'schema', 'apply', 'cni', 'explain', 'lab', 'agent'],
  }
})()

/** Types alone: what the schema makes, and a contract that stands where its user is. */
const typesAllowed: readonly string[] = ['schema → state']

type Import = {
  readonly from: string
  readonly file: string
  readonly to: string
  readonly typeOnly: boolean
}

function importsOf(file: string): Import[] {
  const text = readFileSync(join(root, file), 'utf8')
  // The version stands in package.json.
  const found = text
    .replaceAll(/^import .*package.json.*$/gm, '')
    .matchAll(/^(?:import|export)\s+(type\s)?[^'"]*?from\s+'(\.[^']+)'|import\('(\.[^']+)'\)/gm)
  return [...found].map((m) => {
    const target = relative(root, join(root, dirname(file), m[2] ?? m[3] ?? ''))
    return { from: partOf(file), file, to: partOf(target), typeOnly: m[1] !== undefined }
  })
}
const partOf = (path: string): string => path.split('/')[0] ?? ''

const files = globSync('**/*.ts', { cwd: root }).filter(
  (f) => !f.endsWith('.test.ts') && !f.includes('/testing/'),
)

test('imports point one way only', () => {
  assert.ok(files.length > 100, `only ${files.length} files were looked at`)
  const wrong = files.flatMap(importsOf).filter((i) => {
    if (i.from === i.to || layers[i.from]?.includes(i.to)) return false
    return !(i.typeOnly && typesAllowed.includes(`${i.from} → ${i.to}`))
  })
  assert.deepEqual(
    wrong.map((i) => `${i.file} imports ${i.typeOnly ? 'types of ' : ''}${i.to}`),
    [],
  )
})

test('the agent’s parts know neither command nor lab nor tests', () => {
  const outward = files.flatMap(importsOf).filter((i) => i.to === '..' || i.to === 'test')
  assert.deepEqual(outward, [])
})
