import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { err } from '../src/base/result.ts'
import type { ReportFacts } from '../src/cli/report/facts.ts'
import { reportPage } from '../src/cli/report/page.ts'
import {
  refusal,
  sampleNode,
  samplePeers,
  sampleReport,
  silentNode,
} from '../src/cli/report/testing/sample_facts.ts'
import { openPage, type Page } from './browser/chromium.ts'

const LONG = 'ANameWithoutAPlaceToBreakIt'.repeat(6)

async function opened(t: TestContext, facts: ReportFacts): Promise<Page> {
  const folder = mkdtempSync(join(tmpdir(), 'podlane-report-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, 'report.html')
  writeFileSync(file, reportPage(facts))
  return openPage(t, `file://${file}`)
}

/** What reaches beyond the right edge and is not inside something that scrolls by itself or cuts off. */
const BEYOND = `[...document.querySelectorAll('body *')].filter((e) =>
  !e.closest('.scroll > *') && !e.closest('svg > *') && e.getBoundingClientRect().right > document.documentElement.clientWidth + 0.5
).map((e) => e.tagName + '.' + e.className + ': ' + e.textContent.slice(0, 60))`

/** Words of charts are drawn, so nothing wraps them: none may be cut off by its picture. */
const CUT = `[...document.querySelectorAll('figure text')].filter((e) => {
  const [own, all] = [e.getBoundingClientRect(), e.closest('svg').getBoundingClientRect()]
  return own.right > all.right + 1 || own.left < all.left - 1 || own.bottom > all.bottom + 1
}).map((e) => e.textContent)`

const pages: Readonly<Record<string, ReportFacts>> = {
  'a small cluster': sampleReport([sampleNode(samplePeers(7, 3))]),
  'a thousand peers': sampleReport([sampleNode(samplePeers(1000, 12))]),
  'no agent at all': sampleReport([silentNode()], { surge: err(refusal) }),
  'names that nothing breaks': sampleReport(
    [
      sampleNode(
        samplePeers(4, 2).map((p) => ({ ...p, name: LONG, why: LONG })),
        { nodeName: LONG, complaints: [{ object: LONG, wanted: LONG, found: LONG, next: LONG }] },
      ),
    ],
    { hostName: LONG },
  ),
}

for (const [name, facts] of Object.entries(pages))
  test(`in a browser nothing of ${name} lies beyond the page, at 1280 and at 390 pixels, by day and by night`, async (t) => {
    const page = await opened(t, facts)
    for (const width of [1280, 390])
      for (const scheme of ['light', 'dark'] as const) {
        await page.look({ width, scheme })
        assert.deepEqual(await page.value(BEYOND), [], `${width} ${scheme}`)
        assert.equal(await page.value('document.documentElement.scrollWidth <= innerWidth'), true)
        assert.deepEqual(await page.value(CUT), [], `${width} ${scheme}`)
      }
    assert.deepEqual(page.complaints, [])
    assert.equal(page.asked.length, 1, `it asked for ${page.asked}`)
  })

test('every part is there, in its order, and each picture and table has a name', async (t) => {
  const page = await opened(t, sampleReport([sampleNode(samplePeers(7, 3))]))
  await page.look({ width: 1280 })
  assert.deepEqual(
    await page.value(`[...document.querySelectorAll('h2, h3')].map((e) => e.textContent.trim())`),
    [
      'Node worker-1 ready',
      'The verdict',
      'Where it stands',
      'Paths',
      'Where the time goes',
      'What is wrong',
      'A rising load',
      'What each path makes of it',
    ],
  )
  const unnamed = `[...document.querySelectorAll('svg[role=img]')].filter((e) => !e.querySelector(':scope > title')?.textContent)
    .concat([...document.querySelectorAll('table')].filter((e) => !e.caption?.textContent)).length`
  assert.equal(await page.value(unnamed), 0)
  assert.equal(
    await page.value(
      `new Set([...document.querySelectorAll('[id]')].map((e) => e.id)).size === document.querySelectorAll('[id]').length`,
    ),
    true,
  )
  assert.equal(
    await page.value(
      `[...document.querySelectorAll('nav a')].every((a) => document.querySelector(a.getAttribute('href')))`,
    ),
    true,
  )
})

/** Contrast of text to what lies under it, as WCAG 2 reckons it; 4.5 is asked of small text. */
const LOW_CONTRAST = `(() => {
  const rgb = (c) => (c.match(/[\\d.]+/g) ?? []).map(Number)
  const light = (c) => { const [r, g, b] = rgb(c).map((v) => { const s = v / 255; return s <= 0.03928 ? s / 12.92 : ((s + 0.055) / 1.055) ** 2.4 }); return 0.2126 * r + 0.7152 * g + 0.0722 * b }
  const ground = (e) => { for (let at = e; at; at = at.parentElement) { const c = getComputedStyle(at).backgroundColor; if ((rgb(c)[3] ?? 1) > 0) return c } return 'rgb(255,255,255)' }
  const own = (e) => [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim() !== '')
  return [...document.querySelectorAll('body *')].filter((e) => own(e) && !e.closest('.bars svg') && e.tagName !== 'title' && !(e instanceof SVGTitleElement)).flatMap((e) => {
    const style = getComputedStyle(e)
    const [a, b] = [light(e instanceof SVGElement ? style.fill : style.color), light(ground(e))].sort((x, y) => y - x)
    const contrast = (a + 0.05) / (b + 0.05)
    return contrast < 4.5 ? [e.textContent.slice(0, 30) + ' ' + contrast.toFixed(2)] : []
  })
})()`

test('all text has a contrast of 4.5 to 1 or more, by day and by night', async (t) => {
  const node = sampleNode(samplePeers(120, 3), {
    complaints: [{ object: 'o', wanted: 'w', found: 'f', next: 'n' }],
  })
  const page = await opened(t, sampleReport([node, { ...node, advice: err(refusal) }]))
  for (const scheme of ['light', 'dark'] as const) {
    await page.look({ width: 1280, scheme })
    assert.deepEqual(await page.value(LOW_CONTRAST), [], scheme)
  }
})

test('on paper it has pages', async (t) => {
  const page = await opened(t, sampleReport([sampleNode(samplePeers(7, 3))]))
  const pdf = await page.pdf()
  assert.equal(pdf.subarray(0, 5).toString(), '%PDF-')
  const count = pdf.toString('latin1').match(/\/Type\s*\/Page\b/g)?.length ?? 0
  assert.ok(count >= 2 && count <= 8, `${count} pages`)
})
