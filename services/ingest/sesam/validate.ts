import { LRUCache } from 'lru-cache'
import type { Verdict } from '../../../shared/signing/scheme.ts'
import type { Source } from '../../../shared/storage/storage.ts'
import type { SourceRequest } from '../source.ts'
import { compileValidation } from './validation-expression.ts'

/** A source may bring its own check instead of a scheme: Sesam's `validation_expression` among its settings. */
export const isValidated = (source: Pick<Source, 'settings'>): boolean => typeof source.settings.validation_expression === 'string'

const compiled = new LRUCache<string, ReturnType<typeof compileValidation>>({ max: 500 })

/** `own` have no name; each list is newest first. */
export type SourceSecrets = { own: string[]; named: { name: string; value: string }[] }

type Ask = (name: string) => string | undefined

/**
 * What `secret('name')` may mean: the secrets of that name, or, for a source that has none with a name, its own. While
 * rotating there are several for one name, and each is tried, with each of every other name.
 */
function choices({ own, named }: SourceSecrets): Ask[] {
  if (named.length === 0) return own.length > 0 ? own.map((value) => () => value) : [() => undefined]
  let picks: Map<string, string>[] = [new Map()]
  for (const name of new Set(named.map((one) => one.name))) {
    const values = named.filter((one) => one.name === name).map((one) => one.value)
    picks = picks.flatMap((pick) => values.map((value) => new Map([...pick, [name, value]])))
  }
  return picks.map((pick) => (name) => pick.get(name))
}

export function validate(source: Pick<Source, 'settings'>, request: SourceRequest, secrets: SourceSecrets, now: number): Verdict {
  const template = source.settings.validation_expression as string
  const check = compiled.get(template) ?? compileValidation(template)
  compiled.set(template, check)
  const { headers, body, url } = request
  const params = Object.fromEntries(new URL(url).searchParams)
  const results = choices(secrets).map((secret) => check({ headers, body, url, params, now, secret }))
  if (results.some(({ accepted }) => accepted)) return { valid: true }
  const [first] = results
  return { valid: false, reason: first && !first.accepted ? first.text : '', kind: 'signature' }
}
