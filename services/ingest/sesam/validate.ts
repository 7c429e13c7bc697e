import { LRUCache } from 'lru-cache'
import type { Verdict } from '../../../shared/signing/scheme.ts'
import type { Source } from '../../../shared/storage/storage.ts'
import type { SourceRequest } from '../source.ts'
import { compileValidation } from './validation-expression.ts'

/** A source may bring its own check instead of a scheme: Sesam's `validation_expression` among its settings. */
export const isValidated = (source: Pick<Source, 'settings'>): boolean => typeof source.settings.validation_expression === 'string'

const compiled = new LRUCache<string, ReturnType<typeof compileValidation>>({ max: 500 })

/** @param secrets newest first: an expression names one secret, so each is tried while rotating */
export function validate(source: Pick<Source, 'settings'>, request: SourceRequest, secrets: string[], now: number): Verdict {
  const template = source.settings.validation_expression as string
  const check = compiled.get(template) ?? compileValidation(template)
  compiled.set(template, check)
  const { headers, body, url } = request
  const params = Object.fromEntries(new URL(url).searchParams)
  const results = (secrets.length > 0 ? secrets : [undefined]).map((secret) =>
    check({ headers, body, url, params, now, secret: () => secret }),
  )
  if (results.some(({ accepted }) => accepted)) return { valid: true }
  const [first] = results
  return { valid: false, reason: first && !first.accepted ? first.text : '', kind: 'signature' }
}
