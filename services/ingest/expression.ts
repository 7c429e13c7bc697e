import { scalarAt } from './json-slice.ts'

/**
 * How a source of the `generic` adapter says where things stand, without any code:
 *
 * | Written | Means |
 * |---|---|
 * | `/event/id` | what that JSON Pointer (RFC 6901) leads to in the event |
 * | `table.{action}` | text with placeholders: a member of the event by name, |
 * | `{/event/action}` | a JSON Pointer, |
 * | `{header:X-Event-Key}` | or a header of the request |
 * | `table` | itself |
 *
 * Strings, numbers and booleans have a text, numbers as they are written; where one placeholder leads nowhere the whole
 * expression does. A brace that is meant as such is doubled.
 */
export type Place = { pointer: string[] } | { header: string }
export type Expression = (string | Place)[]

export type Scope = { raw: Uint8Array; headers: Record<string, string | undefined> }

/** RFC 6901 §3 and §4; undefined when the text is no pointer. */
export function readPointer(text: string): string[] | undefined {
  if (text === '') return []
  if (!text.startsWith('/') || /~(?![01])/.test(text)) return undefined
  const tokens = text.slice(1).split('/')
  return tokens.map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'))
}

function readPlace(text: string): Place | undefined {
  const header = /^header:([A-Za-z0-9-]+)$/.exec(text)?.[1]
  if (header !== undefined) return { header: header.toLowerCase() }
  const pointer = text.startsWith('/') ? readPointer(text) : /^[\w.$@-]+$/.test(text) ? [text] : undefined
  return pointer && { pointer }
}

/** What is wrong with an expression is a text that can be shown to who wrote it. */
export function readExpression(text: string): Expression | { fault: string } {
  if (text.startsWith('/')) {
    const pointer = readPointer(text)
    return pointer ? [{ pointer }] : { fault: 'is no JSON Pointer (RFC 6901): `~` must be followed by 0 or 1' }
  }
  const parts: Expression = []
  for (const [piece, , inner] of text.matchAll(/\{\{|\}\}|(\{([^{}]*)\})|[^{}]+|[{}]/g)) {
    if (piece === '{' || piece === '}') return { fault: `has a \`${piece}\` without its other half; write it twice if it is meant as such` }
    const place = inner === undefined ? undefined : readPlace(inner)
    if (inner !== undefined && !place)
      return { fault: `\`{${inner}}\` is neither a member's name nor a JSON Pointer nor \`header:\` and a name` }
    parts.push(place ?? (piece === '{{' || piece === '}}' ? piece.charAt(0) : piece))
  }
  return parts
}

/** The text of an expression for one event; undefined when something it names is not there. */
export function evaluate(expression: Expression, { raw, headers }: Scope): string | undefined {
  const texts = expression.map((part) => {
    if (typeof part === 'string') return part
    return 'header' in part ? headers[part.header] : scalarAt(raw, ...part.pointer)
  })
  return texts.includes(undefined) ? undefined : texts.join('')
}
