import type { HttpBindings } from '@hono/node-server'
import type { Context } from 'hono'

/**
 * A header of the answer, before there is one. Handed to Node directly where Node serves: hono would make a `Headers` of
 * all of them for each answer, and node-server an object of that again. In-process it is hono's.
 */
export function tell(c: Context, name: string, value: string): void {
  const outgoing = (c.env as Partial<HttpBindings> | undefined)?.outgoing
  if (outgoing) outgoing.setHeader(name, value)
  else c.header(name, value)
}
