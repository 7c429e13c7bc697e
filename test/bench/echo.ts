import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import type { AddressInfo } from 'node:net'
import { answer } from './child.ts'

/** The peer of `ingest`: a hono app that parses what is posted and answers, and keeps nothing. */
const app = new Hono().post('/events', async (c) => {
  const { id, type } = await c.req.json<{ id: string; type: string }>()
  return c.json({ id, type }, 202)
})
const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' })
await new Promise((resolve) => server.once('listening', resolve))
answer({ url: () => `http://127.0.0.1:${(server.address() as AddressInfo).port}` })
