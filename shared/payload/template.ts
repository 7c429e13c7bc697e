import { elementsOf, membersOf } from './json-raw.ts'

/**
 * A template of JSON: text that is JSON but for `{{ path }}`, which stands where a value may stand, or within a string.
 * There is no logic in it, no code and no reach beyond the values given: what a path does not find is `null` as a value
 * and nothing in a string. The rest of the text is sent as it was written.
 *
 * It is not Liquid or the like because those write text: a quotation mark in a name would break the JSON around it, or
 * rewrite it. Here every value is escaped for where it stands, so what comes out is JSON whatever goes in.
 */
export type Placeholder = { path: string[]; quoted: boolean }
export type Template = (string | Placeholder)[]

const piece = /\{\{\s*([^{}"]*?)\s*\}\}|\\.|"|[^"\\{]+|\{/gs
const step = /^[\w-]+$/

/** The template in pieces; throws an Error that says what is wrong with the text. */
export function parseTemplate(text: string): Template {
  const template: Template = []
  let quoted = false
  for (const [whole, path] of text.matchAll(piece)) {
    if (whole === '"') quoted = !quoted
    if (path === undefined) template.push(whole)
    else template.push({ path: parsePath(path), quoted })
  }
  if (
    template
      .filter((part) => typeof part === 'string')
      .join('')
      .includes('{{')
  )
    throw new Error('has a "{{" that no "}}" ends')
  try {
    JSON.parse(fill(template, () => undefined))
  } catch (error) {
    throw new Error(`is not JSON once its placeholders are filled: ${(error as Error).message}`, { cause: error })
  }
  return template
}

function parsePath(path: string): string[] {
  const steps = path.split('.')
  if (!steps.every((name) => step.test(name))) throw new Error(`has a placeholder "${path}", which is not a path like entity.name`)
  return steps
}

export const placeholdersOf = (template: Template): Placeholder[] => template.filter((part) => typeof part !== 'string')

/** @param lookUp JSON text of what a path leads to; undefined when there is nothing */
export function fill(template: Template, lookUp: (path: string[]) => string | undefined): string {
  return template.map((part) => (typeof part === 'string' ? part : written(lookUp(part.path), part.quoted))).join('')
}

function written(json: string | undefined, quoted: boolean): string {
  if (!quoted) return json ?? 'null'
  if (json === undefined || json === 'null') return ''
  // a string is put in as it is, without its quotes; anything else as the text of its JSON
  return json.startsWith('"') ? json.slice(1, -1) : JSON.stringify(json).slice(1, -1)
}

/** The text at a path of member names and indexes; members of the JSON alone, never of what holds it. */
export function textAt(json: string, path: string[]): string | undefined {
  let text: string | undefined = json.trim()
  for (const name of path) {
    if (text === undefined) return undefined
    text = text.startsWith('[') ? (/^\d{1,9}$/.test(name) ? elementsOf(text)[Number(name)] : undefined) : membersOf(text).get(name)
  }
  return text
}
