// Debian's chromium without a window, commanded by a pipe (Chrome DevTools Protocol, --remote-debugging-pipe): what a
// page looks like at a given width, by day, by night and on paper, what it asked the network for and complained of.

import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { type Caller, pipeCaller } from './devtools_pipe.ts'

const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--remote-debugging-pipe',
]

export type Look = {
  readonly width: number
  readonly height?: number
  readonly scheme?: 'light' | 'dark'
}
export type Page = {
  /** Errors of the console and of the page, and what it was not allowed. */
  readonly complaints: readonly string[]
  /** Addresses that it asked for. */
  readonly asked: readonly string[]
  readonly look: (look: Look) => Promise<void>
  /** Of an expression in the page. */
  readonly value: (expression: string) => Promise<unknown>
  /** PNG of the whole page, or of the part between two heights. */
  readonly picture: (part?: { readonly top: number; readonly bottom: number }) => Promise<Buffer>
  readonly pdf: () => Promise<Buffer>
}

/** Fails with the cure where root could install it. */
export function mustHaveChromium(): void {
  const found = spawnSync('chromium', ['--version'], { encoding: 'utf8' })
  assert.equal(
    found.status,
    0,
    'chromium is missing: run «make packages» (scripts/packages.sh test installs it)',
  )
}

export async function openPage(t: Pick<TestContext, 'after'>, url: string): Promise<Page> {
  mustHaveChromium()
  const folder = mkdtempSync(join(tmpdir(), 'podlane-chromium-'))
  const child = spawn('chromium', [...FLAGS, `--user-data-dir=${folder}`, 'about:blank'], {
    stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
    env: { ...process.env, NODE_V8_COVERAGE: undefined },
  })
  const call = pipeCaller(child)
  t.after(async () => {
    await ended(child, call)
    // Its children may still write while it ends.
    rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
  })
  const target = await call('Target.createTarget', { url: 'about:blank' })
  const session = await call('Target.attachToTarget', { targetId: target.targetId, flatten: true })
  return pageOf((method, parameters) => call(method, parameters, String(session.sessionId)), call, url)
}

async function pageOf(inPage: Caller, call: ReturnType<typeof pipeCaller>, url: string): Promise<Page> {
  const complaints: string[] = []
  const asked: string[] = []
  const loaded = Promise.withResolvers<void>()
  call.onEvent((method, facts) => {
    const text = JSON.stringify(facts)
    if (method === 'Runtime.exceptionThrown') complaints.push(text)
    if (method === 'Runtime.consoleAPICalled' && /"type":"(error|warning|assert)"/.test(text))
      complaints.push(text)
    if (method === 'Log.entryAdded') complaints.push(text)
    if (method === 'Network.requestWillBeSent') asked.push(String((facts.request as { url: string }).url))
    if (method === 'Page.loadEventFired') loaded.resolve()
  })
  for (const domain of ['Page', 'Runtime', 'Log', 'Network']) await inPage(`${domain}.enable`, {})
  await inPage('Page.navigate', { url })
  await loaded.promise
  const value = async (expression: string): Promise<unknown> => {
    const answer = await inPage('Runtime.evaluate', { expression, returnByValue: true })
    const { value: found, description } = answer.result as { value?: unknown; description?: string }
    if (answer.exceptionDetails !== undefined) throw new Error(`${expression}: ${description}`)
    return found
  }
  const data = async (method: string, parameters: object): Promise<Buffer> =>
    Buffer.from(String((await inPage(method, parameters)).data), 'base64')
  return {
    complaints,
    asked,
    value,
    look: async ({ width, height = 900, scheme = 'light' }) => {
      const features = [{ name: 'prefers-color-scheme', value: scheme }]
      await inPage('Emulation.setEmulatedMedia', { features })
      const metrics = { width, height, deviceScaleFactor: 1, mobile: false }
      await inPage('Emulation.setDeviceMetricsOverride', metrics)
    },
    picture: async (part) => {
      const width = Number(await value('innerWidth'))
      const whole = { top: 0, bottom: Number(await value('document.documentElement.scrollHeight')) }
      const { top, bottom } = part ?? whole
      const clip = { x: 0, y: top, width, height: bottom - top, scale: 1 }
      return data('Page.captureScreenshot', { format: 'png', captureBeyondViewport: true, clip })
    },
    pdf: () =>
      data('Page.printToPDF', {
        printBackground: false,
        preferCSSPageSize: true,
        paperWidth: 8.27,
        paperHeight: 11.69,
      }),
  }
}

async function ended(child: ChildProcess, call: Caller): Promise<void> {
  const gone = new Promise((resolve) => child.once('close', resolve))
  if (child.exitCode !== null) return
  void call('Browser.close', {}).catch(() => child.kill('SIGKILL'))
  const late = setTimeout(() => child.kill('SIGKILL'), 5_000)
  await gone
  clearTimeout(late)
}
