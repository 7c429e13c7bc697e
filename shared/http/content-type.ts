import { Problem } from '../problem.ts'

/** A media type in lower case without its parameters, and its charset if it names one (RFC 9110 §8.3). */
export type ContentType = { essence: string; charset: string | undefined }

export function readContentType(value: string | undefined): ContentType | undefined {
  const [type = '', ...parameters] = (value ?? '').toLowerCase().split(';')
  const essence = type.trim()
  if (!essence) return undefined
  const charset = parameters
    .map((parameter) => /^\s*charset\s*=\s*"?([^"\s]*)"?\s*$/.exec(parameter)?.[1])
    .find((name) => name !== undefined)
  return { essence, charset }
}

/** Subtype `json` or with suffix `+json`, as the CloudEvents JSON format (§3.1.1) and RFC 6839 define it. */
export const isJsonType = (essence: string): boolean => /\/(.+\+)?json$/.test(essence)

export const isUtf8 = (charset: string | undefined): boolean => charset === undefined || charset === 'utf-8' || charset === 'utf8'

/** Refuses whatever is not one of the given media types in UTF-8, and says what would be right. */
export function requireContentType(value: string | undefined, ...accepted: [string, ...string[]]): string {
  const type = readContentType(value)
  const wanted = accepted.join(' or ')
  if (!type) throw new Problem('unsupported_media_type', `there is no Content-Type; send ${wanted}`)
  if (!accepted.includes(type.essence)) throw new Problem('unsupported_media_type', `Content-Type is ${type.essence}; send ${wanted}`)
  if (!isUtf8(type.charset))
    throw new Problem('unsupported_media_type', `the charset is ${type.charset}; JSON is sent in UTF-8 (RFC 8259 §8.1)`)
  return type.essence
}
