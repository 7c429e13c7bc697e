/**
 * Text of others, made fit for a message that people read. Names and values of a catalog may hold anything: half a
 * surrogate pair, a line break that fakes a second message, a bidirectional override that makes one name look like
 * another. None of it is refused; what cannot be shown safely is replaced.
 */
const mark = '…'

// invisible, or changing how what follows is shown (Unicode TR 36 §2.10); joiners stay, scripts and emoji need them
const invisible = /[\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb]/g
const blank = /[\s\p{Cc}\u2028\u2029]+/gu

/** One line of well-formed text. What is longer than any name may be is cut before it is looked at closely. */
export function cleaned(text: string, most = 4_000): string {
  const bounded = text.length > most ? `${text.slice(0, most)}${mark}` : text
  return bounded
    .replace(/\p{Cs}/gu, '\ufffd')
    .replace(invisible, '')
    .replace(blank, ' ')
    .trim()
}

type Escape = (character: string) => string
const asIs: Escape = (character) => character

/** A mark, joiner, variation selector or skin colour belongs to what stands before it. */
const continues = /^(\p{M}|\u200c|\u200d|\p{Emoji_Modifier})$/u
const longestCluster = 12

/**
 * At most `max` UTF-16 units after escaping, with `…` in the place of what was cut. Escapes are never cut in two, nor
 * surrogate pairs, nor marks from their letters.
 */
export function clip(text: string, max: number, escape: Escape = asIs): string {
  const kept: string[] = []
  let length = 0
  let fits = 0
  for (const character of text) {
    const escaped = escape(character)
    length += escaped.length
    if (length <= max - mark.length) fits = kept.length + 1
    else if (length > max) return `${kept.slice(0, withoutTail(Array.from(text.slice(0, max * 2)), fits)).join('')}${mark}`
    kept.push(escaped)
  }
  return kept.join('')
}

/** Where to cut so that the first character left out does not continue the last one kept. */
function withoutTail(characters: string[], fits: number): number {
  for (let at = fits; at > 0 && at > fits - longestCluster; at--) {
    if (!continues.test(characters[at] ?? '') && characters[at - 1] !== '\u200d') return at
  }
  return fits
}

/** The end of a name says more than its beginning: `…shopify.dim_address`. */
export function clipStart(text: string, max: number): string {
  if (text.length <= max) return text
  const characters = [...text]
  let from = characters.length
  let length = mark.length
  while (from > 0 && length + (characters[from - 1] as string).length <= max) length += (characters[--from] as string).length
  return `${mark}${characters.slice(from).join('')}`
}

const rightToLeft = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]|[\u{10800}-\u{10fff}]|[\u{1e800}-\u{1efff}]/u

/** Set apart (Unicode UAX 9 §2.4), so that a name in Hebrew does not turn round what stands beside it. */
export const isolated = (text: string): string => (rightToLeft.test(text) ? `\u2068${text}\u2069` : text)

const xml: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }
export const escapeHtml: Escape = (character) => xml[character] ?? character

export const capitalised = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)

/** `market_listing`, `dim-table` and `testCase` as people write them. */
export const asWords = (name: string): string =>
  name
    .replace(/([\p{Ll}\d])(\p{Lu})/gu, (_, before: string, after: string) => `${before} ${after.toLowerCase()}`)
    .replace(/[_.-]+/g, ' ')
    .trim()
