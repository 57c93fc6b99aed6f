// Markup in which nothing from outside can become markup: every value in an html`…` template is escaped, unless it came
// out of such a template itself. Answers are JSON, and JSON cannot carry the symbol that tells the two apart.

const MARKUP: unique symbol = Symbol('markup')

export type Html = { readonly [MARKUP]: string }
export type Piece = string | number | Html | undefined | readonly Piece[]

/** Values may stand in text and in double-quoted attributes, nowhere else. */
export function html(parts: TemplateStringsArray, ...pieces: readonly Piece[]): Html {
  const text = parts.reduce((all, part, i) => all + part + (i < pieces.length ? markup(pieces[i]) : ''), '')
  return { [MARKUP]: text }
}

/** For what this program wrote itself, like a style sheet. */
export const trusted = (text: string): Html => ({ [MARKUP]: text })

export const htmlText = (page: Html): string => page[MARKUP]

function markup(piece: Piece): string {
  if (piece === undefined) return ''
  if (typeof piece === 'string') return escaped(piece)
  if (typeof piece === 'number') return String(piece)
  return isHtml(piece) ? piece[MARKUP] : piece.map(markup).join('')
}

const isHtml = (piece: Html | readonly Piece[]): piece is Html => !Array.isArray(piece)

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** Control characters end a parser's patience, and those that turn the direction of text make a name look like another. */
const UNPRINTABLE = /[\p{Cc}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu

export const escaped = (text: string): string =>
  text.replaceAll(UNPRINTABLE, '\ufffd').replaceAll(/[&<>"']/g, (c) => ENTITIES[c] ?? c)
