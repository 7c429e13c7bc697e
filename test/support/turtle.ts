/**
 * A reader of RDF 1.1 Turtle, as strict as the grammar of the recommendation is for what it knows: prefixes, IRIs, short
 * strings with escapes and types, booleans, integers, `a`, `;`, `,` and `[ … ]`. Anything else is an error. Written from
 * the grammar (§6.5), not from our writer. Blank nodes are named `_:1`, `_:2` in the order of their brackets.
 */
export type Term = { iri: string } | { blank: string } | { value: string; type: string }
export type Triple = [subject: Term, predicate: string, object: Term]

const xsd = 'http://www.w3.org/2001/XMLSchema#'
const rdfType = 'http://www.w3.org/1999/02/22-rdf-syntax-ns#type'

// [18] IRIREF, [22] STRING_LITERAL_QUOTE, [139s] PNAME_NS and [140s] PNAME_LN without escapes, [19] INTEGER, punctuation
const token =
  /\s*(?:(?<iri><(?:[^\p{Cc} <>"{}|^`\\])*>)|"(?<string>(?:[^"\\\n\r]|\\[tbnrf"'\\]|\\u[0-9A-Fa-f]{4})*)"|(?<integer>[+-]?\d+)(?![\w.])|(?<keyword>@prefix|a|true|false)(?=[\s<])|(?<pname>[A-Za-z](?:[\w-]*\w)?:(?:\w(?:[\w-]*\w)?)?)|(?<sign>\^\^|[.;,[\]]))/uy

type Groups = Partial<Record<'iri' | 'string' | 'integer' | 'keyword' | 'pname' | 'sign', string>>

function tokensOf(text: string): Groups[] {
  const tokens: Groups[] = []
  token.lastIndex = 0
  while (text.slice(token.lastIndex).trim() !== '') {
    const at = token.lastIndex
    const match = token.exec(text)
    if (!match?.groups) throw new Error(`no Turtle at ${at}: ${text.slice(at, at + 60)}`)
    tokens.push(match.groups as Groups)
  }
  return tokens
}

export function readTurtle(text: string): Triple[] {
  const tokens = tokensOf(text)
  const prefixes = new Map<string, string>()
  const triples: Triple[] = []
  let at = 0
  let blanks = 0

  const next = (): Groups => tokens[at++] ?? fail('it ends too early')
  const isSign = (sign: string) => tokens[at]?.sign === sign
  const fail = (what: string): never => {
    throw new Error(`${what}, at token ${at}: ${JSON.stringify(tokens[at - 1])}`)
  }
  const expect = (sign: string) => (next().sign === sign ? undefined : fail(`"${sign}" is missing`))

  function iriOf({ iri, pname }: Groups): string {
    if (iri !== undefined) return /^<[a-z][a-z0-9+.-]*:/i.test(iri) ? iri.slice(1, -1) : fail('the IRI is relative')
    const [prefix = '', local = ''] = pname?.split(/:(.*)/s) ?? fail('no IRI')
    return (prefixes.get(prefix) ?? fail(`no prefix ${prefix}`)) + local
  }

  function readObject(): Term {
    const given = next()
    if (given.sign === '[') return readBlank()
    if (given.keyword === 'true' || given.keyword === 'false') return { value: given.keyword, type: `${xsd}boolean` }
    if (given.integer !== undefined) return { value: given.integer, type: `${xsd}integer` }
    if (given.string === undefined) return { iri: iriOf(given) }
    const value = JSON.parse(`"${given.string.replaceAll("\\'", "'")}"`) as string
    if (!isSign('^^')) return { value, type: `${xsd}string` }
    at++
    return { value, type: iriOf(next()) }
  }

  function readBlank(): Term {
    const blank = { blank: `_:${++blanks}` }
    readStatements(blank)
    expect(']')
    return blank
  }

  function readStatements(subject: Term): void {
    for (;;) {
      const verb = next()
      const predicate = verb.keyword === 'a' ? rdfType : iriOf(verb)
      triples.push([subject, predicate, readObject()])
      while (isSign(',')) {
        at++
        triples.push([subject, predicate, readObject()])
      }
      if (!isSign(';')) return
      at++
    }
  }

  while (at < tokens.length) {
    const first = next()
    if (first.keyword === '@prefix') {
      const { pname } = next()
      if (!pname?.endsWith(':')) fail('no prefix')
      prefixes.set(pname?.slice(0, -1) as string, iriOf(next()))
    } else readStatements({ iri: iriOf(first) })
    expect('.')
  }
  return triples
}
