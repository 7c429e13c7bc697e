import { createHash } from 'node:crypto'
import { memberSpans } from '../json-slice.ts'

/**
 * What makes two versions of a Sesam entity the same: a dataset appends an entity only when its content, its `_id` or
 * `_deleted` changed. The order of members says nothing, nor do the members that Sesam itself keeps account with.
 * Values are compared as they are written, so that no change is overlooked because a number was rounded.
 */
const accounting = new Set(['_updated', '_hash', '_previous', '_ts'])

/** SHA-256 over the content of an entity, which `raw` is the JSON text of. */
export function contentHash(raw: Uint8Array): string {
  const hash = createHash('sha256')
  const members = [...memberSpans(raw)].filter(([name]) => !accounting.has(name))
  for (const [name, { start, end }] of members.sort(([a], [b]) => (a < b ? -1 : 1))) {
    const value = raw.subarray(start, end)
    // an entity that is not deleted may say so
    if (name === '_deleted' && Buffer.from(value).toString() === 'false') continue
    hash.update(`${JSON.stringify(name)}:${value.length}:`).update(value)
  }
  return hash.digest('hex')
}
