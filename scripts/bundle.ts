// Bundles `podlane`: the command with its subcommands in chunks of their own, so that the agent loads only what it
// needs, and beside it the scripts that run as threads or processes of their own.

import { mkdirSync, readdirSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { build } from 'esbuild'

const outdir = process.argv[2] ?? 'dist'

mkdirSync(outdir, { recursive: true })
// Chunk names change with their content: without this the folder would fill up.
for (const name of readdirSync(outdir)) if (name.endsWith('.js')) await rm(`${outdir}/${name}`)

await build({
  entryPoints: {
    podlane: 'src/cli/main.ts',
    kernel_worker: 'src/agent/kernel_worker.ts',
    pod_server: 'src/lab/pod_server.ts',
  },
  outdir,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node24',
  // Names stay readable in stack traces; white space and syntax are what costs memory.
  minifyWhitespace: true,
  minifySyntax: true,
  legalComments: 'none',
  logLevel: 'warning',
  // Some dependencies are CommonJS and require Node's own modules.
  banner: {
    js: "import { createRequire as podlaneRequire } from 'node:module'; const require = podlaneRequire(import.meta.url);",
  },
})
