// A bar of pieces, each as long as its share, with its name where there is room for it.

import { type Html, html } from './html.ts'

const HEIGHT = 26
/** Of the bar's width, from which a name finds room in a piece. */
const NAMED = 0.07

export type BarPiece = {
  readonly name: string
  /** Of the width that there is, 0 to 1. */
  readonly share: number
  /** As #rrggbb. */
  readonly colour: string
  /** What it is in figures. */
  readonly words: string
}

/** Lengths are shares of the width, so that words keep their size on any screen. */
export function stackedBar(title: string, pieces: readonly BarPiece[]): Html {
  let at = 0
  const drawn = pieces.map(({ name, share, colour, words }) => {
    const text = share < NAMED ? '' : html`<text x="5" y="17" fill="${inkOn(colour)}">${name}</text>`
    // A picture in the picture cuts off what does not fit.
    const piece = html`<svg x="${percent(at)}" width="${percent(share)}" height="${HEIGHT}"><title>${name}: ${words}</title><rect width="100%" height="100%" fill="${colour}" class="piece"/>${text}</svg>`
    at += share
    return piece
  })
  return html`<svg width="100%" height="${HEIGHT}" role="img"><title>${title}</title>${drawn}</svg>`
}

export function barLegend(entries: readonly { readonly name: string; readonly colour: string }[]): Html {
  const items = entries.map(
    ({ name, colour }) =>
      html`<li><svg width="12" height="12" aria-hidden="true"><rect width="12" height="12" fill="${colour}"/></svg> ${name}</li>`,
  )
  return html`<ul class="legend">${items}</ul>`
}

const percent = (part: number): string => `${(part * 100).toFixed(2)}%`

/** Black or white, whichever is read better on it (WCAG 2 relative luminance). */
function inkOn(colour: string): string {
  const [r = 0, g = 0, b = 0] = [1, 3, 5].map((at) => {
    const c = Number.parseInt(colour.slice(at, at + 2), 16) / 255
    return c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4
  })
  const luminance = 0.2126 * r + 0.7152 * g + 0.0722 * b
  return (luminance + 0.05) / 0.05 > 1.05 / (luminance + 0.05) ? '#000' : '#fff'
}
