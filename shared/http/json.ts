import { Problem } from '../problem.ts'

/** Deepest nesting that any JSON we take may have; deeper input breaks re-serialising long before it breaks parsing. */
export const maxJsonDepth = 64

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false })

/** Parses JSON that came from outside. Refuses what is not UTF-8, not JSON, or nested too deep, and says where. */
export function parseJson(bytes: Uint8Array, maxDepth = maxJsonDepth): unknown {
  const depth = jsonDepth(bytes)
  if (depth > maxDepth) throw new Problem('malformed', `the JSON is nested ${depth} deep; at most ${maxDepth} is allowed`)
  let text: string
  try {
    text = utf8.decode(bytes)
  } catch {
    throw new Problem('malformed', 'the body is not valid UTF-8')
  }
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new Problem('malformed', `the body is not valid JSON: ${(cause as Error).message}`)
  }
}

const [quote, backslash, openBrace, closeBrace, openBracket, closeBracket] = [0x22, 0x5c, 0x7b, 0x7d, 0x5b, 0x5d]

/** Nesting of a JSON text without parsing it, so that a hostile depth costs one pass over bytes. */
export function jsonDepth(bytes: Uint8Array): number {
  let depth = 0
  let deepest = 0
  let inString = false
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] as number
    if (inString) {
      if (byte === backslash) i++
      else if (byte === quote) inString = false
    } else if (byte === quote) inString = true
    else if (byte === openBrace || byte === openBracket) deepest = Math.max(deepest, ++depth)
    else if (byte === closeBrace || byte === closeBracket) depth--
  }
  return deepest
}
