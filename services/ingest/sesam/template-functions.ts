import { createHmac } from 'node:crypto'
import { jwtAlgorithms, readJwt } from './jwt.ts'

/**
 * What validation expressions may call. `undefined` is what is not there; whatever is made of it is not there either, so
 * that nothing is ever compared with the HMAC of an empty key.
 */
export type Value = string | number | boolean | null | undefined | Uint8Array | Value[] | { [name: string]: unknown }
export type CallScope = {
  secret(name: string): string | undefined
  now: number
  /** Notes why the request must not be accepted, whatever the template makes of it. */
  distrust(reason: string): void
}
export type TemplateFunction = {
  /** Least and most positional arguments; a filter's first is what stands before it. */
  arity: [number, number]
  named?: string[]
  call(args: Value[], named: ReadonlyMap<string, Value>, scope: CallScope): Value
}

const bytesOf = (value: Value): Uint8Array | undefined =>
  typeof value === 'string' ? Buffer.from(value) : value instanceof Uint8Array ? value : undefined

const textOf = (value: Value): string | undefined => (typeof value === 'string' ? value : undefined)

function secret([name]: Value[], _: unknown, scope: CallScope): Value {
  const value = typeof name === 'string' ? scope.secret(name) : undefined
  if (value) return value
  scope.distrust(`the secret "${textOf(name) ?? ''}" is not set`)
  return undefined
}

function hmac([key, message]: Value[], _: unknown, scope: CallScope): Value {
  const [keyBytes, messageBytes] = [bytesOf(key), bytesOf(message)]
  if (!keyBytes?.length) scope.distrust('there is no key to verify with')
  return keyBytes?.length && messageBytes ? createHmac('sha256', keyBytes).update(messageBytes).digest() : undefined
}

const encode = ([value]: Value[]): Value => {
  const bytes = bytesOf(value)
  return bytes && Buffer.from(bytes).toString('base64')
}

/** Claims, or nothing when the token does not hold; then the request is refused, as the exception in Sesam does. */
function decodeJwt([token, first]: Value[], named: ReadonlyMap<string, Value>, scope: CallScope): Value {
  const key = textOf(named.get('key') ?? first)
  const claims =
    key &&
    typeof token === 'string' &&
    readJwt(token, {
      key,
      algorithms: listOf(named.get('algorithms') ?? 'RS256').filter((name) => jwtAlgorithms.includes(name)),
      audience: listOf(named.get('audience')),
      issuer: textOf(named.get('issuer')),
      leewaySeconds: Number(named.get('leeway') ?? 0),
      now: scope.now,
    })
  if (claims) return claims
  scope.distrust('the token does not verify')
  return undefined
}

const listOf = (value: Value): string[] => (Array.isArray(value) ? value : [value]).filter((item) => typeof item === 'string')

const onText =
  (change: (text: string) => string) =>
  ([value]: Value[]): Value =>
    typeof value === 'string' ? change(value) : undefined

/** Filters stand with `|` before their name. */
export const templateFunctions: Record<string, TemplateFunction> = {
  secret: { arity: [1, 1], call: secret },
  hmacsha256digest: { arity: [2, 2], call: hmac },
  b64encode: { arity: [1, 1], call: encode },
  '|base64_encode': { arity: [1, 1], call: encode },
  '|base64_decode': { arity: [1, 1], call: onBase64 },
  '|bytes': { arity: [1, 1], call: ([value]) => bytesOf(value) },
  '|lower': { arity: [1, 1], call: onText((text) => text.toLowerCase()) },
  '|upper': { arity: [1, 1], call: onText((text) => text.toUpperCase()) },
  '|trim': { arity: [1, 1], call: onText((text) => text.trim()) },
  '|decode_jwt': { arity: [1, 2], named: ['key', 'algorithms', 'audience', 'issuer', 'leeway'], call: decodeJwt },
}

function onBase64([value]: Value[]): Value {
  return typeof value === 'string' ? Buffer.from(value, 'base64') : undefined
}
