import type { Term, Triple } from './turtle.ts'

type Json = Record<string, unknown>
type Definition = { '@id': string; '@type'?: string; '@container'?: string }

const xsd = 'http://www.w3.org/2001/XMLSchema#'
const rdfType = 'http://www.w3.org/1999/02/22-rdf-syntax-ns#type'
const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)

/**
 * The triples of a JSON-LD document: expansion and deserialisation of JSON-LD 1.1 for one context of terms with `@id`,
 * `@type` and `@container: @set`, and for `@graph`. Strict: a keyword or a value that it does not know is an error, and
 * so is an IRI that stays relative.
 */
export function readJsonLd(document: Json): Triple[] {
  const { '@context': context, '@graph': graph, ...node } = document
  if (!isObject(context)) throw new Error('there is no context')
  const { '@vocab': vocab, ...terms } = context as { '@vocab': string } & Record<string, string | Definition>
  const triples: Triple[] = []
  let blanks = 0

  const idOf = (name: string): string | undefined => {
    const term = Object.hasOwn(terms, name) ? terms[name] : undefined
    return typeof term === 'string' ? term : term && expand(term['@id'])
  }

  /** A compact IRI, or a whole one (JSON-LD API §5.2). */
  function expand(text: string): string {
    const [, prefix = '', rest = ''] = /^([^:]+):(.*)$/s.exec(text) ?? []
    const base = rest.startsWith('//') ? undefined : idOf(prefix)
    if (base !== undefined) return base + rest
    if (!/^[a-z][a-z0-9+.-]*:[^\p{Cc} <>"{}|^`\\]*$/iu.test(text)) throw new Error(`no absolute IRI: ${text}`)
    return text
  }

  const propertyOf = (name: string) => idOf(name) ?? (name.includes(':') ? expand(name) : vocab + name)
  const typeOf = (name: string) => idOf(name) ?? (name.includes(':') ? expand(name) : vocab + name)

  function objectOf(name: string, value: unknown): Term {
    const term = Object.hasOwn(terms, name) ? terms[name] : undefined
    const type = isObject(term) ? term['@type'] : undefined
    if (isObject(value) && '@value' in value) {
      if (Object.keys(value).sort().join() !== '@type,@value') throw new Error(`a value of ${name} is neither plain nor typed`)
      return { value: String(value['@value']), type: typeOf(String(value['@type'])) }
    }
    if (isObject(value)) return readNode(value)
    if (type === '@id') return { iri: expand(String(value)) }
    if (typeof value !== 'string' && typeof value !== 'boolean' && !Number.isInteger(value)) throw new Error(`${name} is no value`)
    const native = typeof value === 'boolean' ? 'boolean' : typeof value === 'number' ? 'integer' : 'string'
    return { value: String(value), type: type === undefined ? xsd + native : expand(type) }
  }

  function readNode(members: Json): Term {
    const { '@id': id, '@type': type, ...properties } = members
    const subject: Term = typeof id === 'string' ? { iri: expand(id) } : { blank: `_:${++blanks}` }
    if (typeof type === 'string') triples.push([subject, rdfType, { iri: typeOf(type) }])
    for (const [name, value] of Object.entries(properties)) {
      if (name.startsWith('@')) throw new Error(`no such keyword here: ${name}`)
      for (const one of Array.isArray(value) ? (value as unknown[]) : [value])
        triples.push([subject, propertyOf(name), objectOf(name, one)])
    }
    return subject
  }

  if (Object.keys(node).length > 0) readNode(node)
  for (const one of (graph ?? []) as Json[]) readNode(one)
  return triples
}
