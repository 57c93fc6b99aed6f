// A picture of a page, or of a part of it, as Debian's chromium shows it:
// node scripts/page_picture.ts PAGE.html PICTURE.png [FIRST LAST]   (selectors of the first and the last thing on it)

import { writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { openPage } from '../test/browser/chromium.ts'

const MARGIN = 16
const [, , from = '', to = '', first, last = first] = process.argv
if (from === '' || to === '') {
  console.error('usage: page_picture.ts PAGE.html PICTURE.png [FIRST LAST]')
  process.exit(2)
}
const endings: (() => unknown)[] = []
const page = await openPage(
  { after: (ending) => void endings.push(ending as () => unknown) },
  `file://${resolve(from)}`,
)
await page.look({ width: 1280 })
const edge = async (selector: string, side: string): Promise<number> =>
  Number(
    await page.value(
      `document.querySelector(${JSON.stringify(selector)}).getBoundingClientRect().${side} + scrollY`,
    ),
  )
const part =
  first === undefined || last === undefined
    ? undefined
    : { top: (await edge(first, 'top')) - MARGIN, bottom: (await edge(last, 'bottom')) + MARGIN }
const picture = await page.picture(part)
writeFileSync(to, picture)
console.log(`${to}: ${Math.ceil(picture.length / 1024)} KiB`)
for (const ending of endings) await ending()
