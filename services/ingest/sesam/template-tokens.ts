/** The pieces of a template as Jinja writes it: text, `{{ value }}` and `{% statement %}`; comments are dropped. */
export type Piece = { kind: 'text'; text: string } | { kind: 'value'; tokens: Token[] } | StatementPiece
export type StatementPiece = { kind: 'statement'; tokens: Token[] }
export type Token = { kind: 'name' | 'string' | 'number' | 'symbol'; text: string }

/** What is wrong with a template, in words for whoever wrote it. */
export class TemplateError extends Error {}

const symbols = /^(==|!=|[()[\]|,.=])/

export function readTokens(text: string): Token[] {
  const tokens: Token[] = []
  let rest = text.trimStart()
  while (rest !== '') {
    const token = readToken(rest)
    tokens.push(token.token)
    rest = rest.slice(token.length).trimStart()
  }
  return tokens
}

function readToken(rest: string): { token: Token; length: number } {
  const name = /^[A-Za-z_]\w*/.exec(rest)?.[0]
  if (name !== undefined) return { token: { kind: 'name', text: name }, length: name.length }
  const number = /^\d+/.exec(rest)?.[0]
  if (number !== undefined) return { token: { kind: 'number', text: number }, length: number.length }
  const string = /^(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")/s.exec(rest)
  if (string) return { token: { kind: 'string', text: unescape(string[1] ?? string[2] ?? '') }, length: string[0].length }
  const symbol = symbols.exec(rest)?.[0]
  if (symbol !== undefined) return { token: { kind: 'symbol', text: symbol }, length: symbol.length }
  throw new TemplateError(`\`${rest.slice(0, 20)}\` cannot be read`)
}

const escapes: Record<string, string> = { n: '\n', t: '\t', r: '\r' }
const unescape = (text: string): string => text.replace(/\\(.)/gs, (_, character: string) => escapes[character] ?? character)

const closing = { '{{': '}}', '{%': '%}', '{#': '#}' } as const

/** A `-` inside a delimiter trims the white space beside it, as in Jinja. */
export function readPieces(template: string): Piece[] {
  const pieces: Piece[] = []
  let text = ''
  let at = 0
  while (at < template.length) {
    const open = template.slice(at, at + 2) as keyof typeof closing
    if (!(open in closing)) {
      text += template[at++]
      continue
    }
    const end = endOf(template, at + 2, closing[open])
    const inner = template.slice(at + 2, end)
    at = end + 2
    if (inner.startsWith('-')) text = text.trimEnd()
    if (open !== '{#') {
      if (text !== '') pieces.push({ kind: 'text', text })
      text = ''
      pieces.push({ kind: open === '{{' ? 'value' : 'statement', tokens: readTokens(inner.replace(/^-/, '').replace(/-$/, '')) })
    }
    if (inner.endsWith('-')) at += template.slice(at).length - template.slice(at).trimStart().length
  }
  if (text !== '') pieces.push({ kind: 'text', text })
  return pieces
}

/** Where the closing delimiter stands; one within a string does not close. */
function endOf(template: string, from: number, close: string): number {
  let quote = ''
  for (let at = from; at < template.length; at++) {
    const character = template.charAt(at)
    if (quote !== '' && character === '\\') at++
    else if (quote !== '') quote = character === quote ? '' : quote
    else if (close !== '#}' && (character === "'" || character === '"')) quote = character
    else if (template.startsWith(close, at)) return at
  }
  throw new TemplateError(`\`${close}\` is missing`)
}
