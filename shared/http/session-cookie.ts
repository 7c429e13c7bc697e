import type { Context } from 'hono'
import { deleteCookie, getCookie, setCookie } from 'hono/cookie'
import { Problem } from '../problem.ts'

/** A sign-in lasts so long after it was last used. */
export const sessionMs = 12 * 3_600_000

const name = 'tidings-session'
const options = { path: '/', httpOnly: true, sameSite: 'Strict' } as const

/** By what the browser used: our own address where it is set, a proxy in front, or the request itself. */
function isSecure(c: Context, publicUrl: string | undefined): boolean {
  if (publicUrl !== undefined) return publicUrl.startsWith('https:')
  return (c.req.header('x-forwarded-proto') ?? new URL(c.req.url).protocol).startsWith('https')
}

/**
 * With TLS the cookie is `__Host-`: no other host and no plain connection can have set it. Browsers keep such a cookie
 * only if it is `Secure`, which over plain HTTP they do not keep; there it goes without, and only on this machine.
 */
export function readSession(c: Context, publicUrl: string | undefined): string | undefined {
  return isSecure(c, publicUrl) ? getCookie(c, name, 'host') : getCookie(c, name)
}

export function writeSession(c: Context, publicUrl: string | undefined, text: string): void {
  const lasting = { ...options, maxAge: sessionMs / 1_000 }
  if (isSecure(c, publicUrl)) setCookie(c, name, text, { ...lasting, secure: true, prefix: 'host' })
  else setCookie(c, name, text, lasting)
}

export function forgetSession(c: Context, publicUrl: string | undefined): void {
  if (isSecure(c, publicUrl)) deleteCookie(c, name, { ...options, secure: true, prefix: 'host' })
  else deleteCookie(c, name, options)
}

const loopback = /^(localhost|([\w-]+\.)+localhost|127(\.\d{1,3}){3}|\[::1\])$/

/** @throws Problem where the cookie of a sign-in would travel in clear over a network */
export function requirePrivacy(c: Context, publicUrl: string | undefined): void {
  if (isSecure(c, publicUrl) || loopback.test(new URL(c.req.url).hostname)) return
  throw new Problem(
    'forbidden',
    'signing in over plain HTTP is possible on this machine only (localhost); put TLS in front and set PUBLIC_URL to its https address',
  )
}
