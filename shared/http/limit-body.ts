import type { MiddlewareHandler } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { Problem } from '../problem.ts'

/**
 * Refuses a body of more bytes. One that says its length is judged by that, and Node lets no more through; only one that
 * comes in chunks is counted as it comes, for which hono makes a whole `Request` of it.
 */
export function limitBody(maxSize: number, advice: string): MiddlewareHandler {
  const refuse = (): never => {
    throw new Problem('too_large', `a request may have ${maxSize} bytes${advice}`)
  }
  const counted = bodyLimit({ maxSize, onError: refuse })
  return async function limitsBody(c, next) {
    const length = c.req.header('content-length')
    if (length === undefined || c.req.header('transfer-encoding') !== undefined) return counted(c, next)
    if (Number(length) > maxSize) refuse()
    return next()
  }
}
