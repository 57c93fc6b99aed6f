// The agent and the tests as one plain JavaScript file each, in dist/guests: in an emulated machine, taking the types
// off a hundred files takes longer than the test that needs them.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build, type Plugin } from 'esbuild'

const root = fileURLToPath(new URL('../../', import.meta.url))
const folder = join(root, 'dist/guests')

/** Files that a source of these finds beside itself (programs, the addon) it finds from the bundle too. */
const sourceUrls = (sources: RegExp): Plugin => ({
  name: 'source URLs',
  setup: ({ onLoad }) => {
    onLoad({ filter: sources }, ({ path }) => {
      const url = JSON.stringify(pathToFileURL(path).href)
      return { contents: readFileSync(path, 'utf8').replaceAll('import.meta.url', url), loader: 'ts' }
    })
  },
})

const common = {
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node24',
  logLevel: 'warning',
  banner: {
    js: "import { createRequire as podlaneRequire } from 'node:module'; const require = podlaneRequire(import.meta.url);",
  },
} as const

/** @returns the file that PODLANE_TEST_AGENT names; its Worker lies beside it */
export async function bundleAgent(): Promise<string> {
  const entryPoints = {
    agent: join(root, 'test/agent/entry.ts'),
    kernel_worker: join(root, 'src/agent/kernel_worker.ts'),
  }
  // Not those of the agent itself: its Worker is a bundle too.
  await build({ ...common, entryPoints, outdir: folder, plugins: [sourceUrls(/\/src\/kernel\/.*\.ts$/)] })
  return join(folder, 'agent.js')
}

/**
 * @param files test files, relative to the project
 * @returns the bundles, in the same order
 */
export async function bundleTests(files: readonly string[]): Promise<readonly string[]> {
  const outdir = join(folder, 'tests')
  const entryPoints = Object.fromEntries(files.map((file) => [stem(file), join(root, file)]))
  await build({ ...common, entryPoints, outdir, plugins: [sourceUrls(/\/(src|test)\/.*\.ts$/)] })
  return files.map((file) => join(outdir, `${stem(file)}.js`))
}

/** With its folders: two tests of one name must not become one file. */
const stem = (file: string): string => file.replace(/\.ts$/, '').replaceAll('/', '-')
