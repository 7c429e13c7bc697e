/**
 * JSON text taken apart and put together without being parsed as a whole: a number of 64 bits, an escape or a duplicate
 * member comes out as it went in. For texts that `JSON.parse` accepts, as `event.data` is.
 */
const token = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\],:]|[^\s{}[\],:"]+/gs

export const parse = (text: string): unknown => JSON.parse(text)

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Each value, or member with its name, of the container that the whole text is. */
function* entries(text: string): Generator<{ name?: string; value: string }> {
  let depth = 0
  let start = -1
  let end = 0
  let name: string | undefined
  for (const { 0: part, index } of text.matchAll(token)) {
    const closes = part === '}' || part === ']'
    if (depth === 1 && (closes || part === ',')) {
      if (start >= 0) yield { ...(name !== undefined && { name }), value: text.slice(start, end) }
      start = -1
      name = undefined
    } else if (depth === 1 && part === ':') {
      name = JSON.parse(text.slice(start, end)) as string
      start = -1
    } else if (depth > 0 && start < 0) start = index
    if (closes) depth--
    else if (part === '{' || part === '[') depth++
    end = index + part.length
  }
}

export type Members = Map<string, string>

/** Members of an object, in order, each value as its text; of several with one name the last. Empty for anything else. */
export function membersOf(text: string): Members {
  const members: Members = new Map()
  if (!text.trimStart().startsWith('{')) return members
  for (const { name, value } of entries(text)) if (name !== undefined) members.set(name, value)
  return members
}

/** Elements of an array, each as its text; empty for anything else. */
export function elementsOf(text: string): string[] {
  return text.trimStart().startsWith('[') ? [...entries(text)].map(({ value }) => value) : []
}

/** The text without the white space between its tokens: what `JSON.stringify` would write, where it can hold the values. */
export const compact = (text: string): string => [...text.matchAll(token)].map(([part]) => part).join('')

/** An object's text from members whose values are texts; those without a value are left out. */
export function objectText(members: Iterable<readonly [string, string | undefined]>): string {
  const texts: string[] = []
  for (const [name, value] of members) if (value !== undefined) texts.push(`${JSON.stringify(name)}:${value}`)
  return `{${texts.join(',')}}`
}

export const arrayText = (elements: Iterable<string>): string => `[${[...elements].join(',')}]`

/** `JSON.stringify`, whose type does not say that `undefined` has no text. */
export const textOf = (value: unknown): string | undefined => JSON.stringify(value)

/**
 * The text as Python's `json.dumps` writes it by default: `", "` and `": "` between, and whatever is not printable ASCII
 * as `\uXXXX` in lower case, astral characters as two.
 */
export function pythonText(text: string): string {
  const parts: string[] = []
  for (const [part] of text.matchAll(token)) {
    if (part === ',' || part === ':') parts.push(part, ' ')
    else parts.push(part.startsWith('"') ? pythonString(JSON.parse(part) as string) : part)
  }
  return parts.join('')
}

const pythonString = (value: string): string =>
  JSON.stringify(value).replace(/[\x7f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)

/** The string that a JSON text is; undefined for any other. */
export const unquoted = (json: string | undefined): string | undefined => (json?.startsWith('"') ? (parse(json) as string) : undefined)

/** Objects and arrays that stand as JSON in a string come out of it (OpenMetadata's product sends such); all else stays. */
export function unwrapped(json: string): string {
  const inner = unquoted(json)
  if (inner === undefined || !/^\s*[[{]/.test(inner)) return json
  try {
    parse(inner)
    return inner
  } catch {
    return json
  }
}
