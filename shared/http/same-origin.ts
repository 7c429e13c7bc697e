import type { Context } from 'hono'

export type Origin = 'same' | 'foreign' | 'unknown'

/**
 * Which page a browser sends a request from: Fetch Metadata, and `Origin` where a browser does not send that. Unknown:
 * neither is there, as with every client that is no browser.
 */
export function originOf(c: Context): Origin {
  const site = c.req.header('sec-fetch-site')
  const origin = c.req.header('origin')
  if (site !== undefined) return site === 'same-origin' ? 'same' : 'foreign'
  if (origin === undefined) return 'unknown'
  return URL.canParse(origin) && new URL(origin).host === c.req.header('host') ? 'same' : 'foreign'
}

export const isSafe = (method: string): boolean => method === 'GET' || method === 'HEAD'
