import { createHash } from 'node:crypto'
import { elementSpans, memberSpans } from '../json-slice.ts'

/**
 * What makes two versions of a Sesam entity the same: a dataset appends an entity only when its content, its `_id` or
 * `_deleted` changed. The order of members says nothing, nor do white space and the members that Sesam itself keeps
 * account with. Numbers are compared as they are written, so that no change is overlooked because one was rounded.
 */
const accounting = new Set(['_updated', '_hash', '_previous', '_ts'])

const [quote, openBrace, openBracket] = [0x22, 0x7b, 0x5b]

/** The same text for the same JSON value: members in order, no white space, one spelling of each string. */
function canonicalText(json: Uint8Array): string {
  const bytes = trimmed(json)
  if (bytes[0] === quote) return JSON.stringify(JSON.parse(Buffer.from(bytes).toString()))
  if (bytes[0] === openBracket) {
    const elements = elementSpans(bytes).map(({ start, end }) => canonicalText(bytes.subarray(start, end)))
    return `[${elements.join(',')}]`
  }
  return bytes[0] === openBrace ? textOfMembers(canonicalMembers(bytes)) : Buffer.from(bytes).toString()
}

function trimmed(json: Uint8Array): Uint8Array {
  let [start, end] = [json[0] === 0xef ? 3 : 0, json.length]
  while (start < end && (json[start] as number) <= 0x20) start++
  while (end > start && (json[end - 1] as number) <= 0x20) end--
  return json.subarray(start, end)
}

/** Members of an object by name, in the order of their names, each with its canonical text. */
export type Members = ReadonlyMap<string, string>

export const canonicalMembers = (json: Uint8Array): Members =>
  new Map(
    [...memberSpans(json)]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, { start, end }]) => [name, canonicalText(json.subarray(start, end))]),
  )

export const textOfMembers = (members: Members): string =>
  `{${[...members].map(([name, text]) => `${JSON.stringify(name)}:${text}`).join(',')}}`

/** One version of an entity: what it says of itself, apart from its id. */
export type Version = { members: Members; deleted: boolean; hash: string; text: string }

/** @param raw an object as JSON text */
export function readVersion(raw: Uint8Array): Version {
  const all = canonicalMembers(raw)
  const members = new Map([...all].filter(([name]) => !accounting.has(name) && name !== '_id' && name !== '_deleted'))
  const text = textOfMembers(members)
  return { members, deleted: all.get('_deleted') === 'true', hash: createHash('sha256').update(text).digest('hex'), text }
}

/** SHA-256 over the content of an entity, its id and whether it is deleted, which `raw` is the JSON text of. */
export function contentHash(raw: Uint8Array): string {
  // an entity that is not deleted may say so
  const members = [...canonicalMembers(raw)].filter(([name, text]) => !accounting.has(name) && !(name === '_deleted' && text === 'false'))
  return createHash('sha256')
    .update(textOfMembers(new Map(members)))
    .digest('hex')
}
