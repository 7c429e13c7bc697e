import { afterAll, beforeAll, expect, it } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { startSystem, type System } from '../support/system.ts'

/** What runs, calculates or repaints where it is shown by something careless. */
const payloads = [
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  "javascript:alert('x')",
  '</textarea><svg/onload=alert(1)>',
  '{{constructor.constructor("alert(1)")()}}',
  "=cmd|' /C calc'!A0",
  '+1+1',
  '@SUM(1+1)*cmd',
  '-2+3',
  '\u001b[31mred\u001b[0m\u001b]0;title\u0007',
  '\u009b31m\u0085\u2028\u2029',
  'a\r\nlevel":60,"msg":"forged\r\n',
  '\u0000\u0008\u007f',
  '\u202egnp.exe',
]
const all = payloads.join(' ')

let system: System
let event: string
beforeAll(async () => {
  system = await startSystem({ settings: { LOG_LEVEL: 'debug' } })
  const { api, receiver } = system
  receiver.reply({
    status: 400,
    headers: { 'content-type': 'text/html', 'x-evil': "<script>alert('h')</script>" },
    body: `<html>${all}</html>`,
  })
  const url = `${receiver.url}?q=${encodeURIComponent(all)}`
  const webhook = await api.createWebhook({ url, label: all.slice(0, 256), retry: { strategy: 'schedule', delays_seconds: [] } })
  await api.subscribe(webhook.id, '*')
  const names = { type: 'table', id: all, name: all, domain: all, owners: payloads, tags: payloads }
  const [id] = await api.publish(
    { type: 'table.updated', id: all.slice(0, 200), subject: all, entity: names, data: { [all]: payloads } },
    {
      'user-agent': "<script>alert('ua')</script>",
      'x-request-id': '<b>\u009b31m',
      traceparent: '"><svg/onload=alert(1)>',
    },
  )
  event = id as string
  await receiver.seen([event])
  await eventually(async () => {
    const found = await api.event(event)
    const [delivery] = (found as unknown as { deliveries: { data: { status: string }[] } }).deliveries.data
    expect(delivery?.status).toBe('failed')
  })
}, 60_000)
afterAll(() => system?.stop())

it('comes back as JSON and as nothing else, whatever is asked for', async () => {
  const { api, status } = system
  const found = (await api.event(event)) as unknown as { deliveries: { data: { id: string; webhook_id: string }[] } }
  const [delivery] = found.deliveries.data
  const key = await (async () => (await api.steer<{ key: string }>(201, 'POST', '/keys', { label: 'reads', scopes: ['read'] })).key)()
  const paths = [
    `/events/${event}`,
    `/webhook-deliveries/${delivery?.id}`,
    '/webhooks',
    `/webhooks/${delivery?.webhook_id}`,
    `/webhooks/${delivery?.webhook_id}/subscriptions`,
    '/api/v1/webhooks',
    `/events/${encodeURIComponent(payloads[0] as string)}`,
    `/${encodeURIComponent(payloads[1] as string)}`,
    `/webhooks?limit=${encodeURIComponent(payloads[0] as string)}`,
  ]
  for (const path of paths.filter((each) => !/%2f/i.test(each)))
    for (const accept of ['text/html,*/*', 'application/json', 'text/csv']) {
      const answer = await fetch(status.url + path, { headers: { authorization: `Bearer ${key}`, accept } })
      const text = await answer.text()
      expect(answer.headers.get('content-type'), path).toMatch(/^application\/(problem\+)?json\b/)
      expect(answer.headers.get('x-content-type-options'), path).toBe('nosniff')
      expect(() => JSON.parse(text) as unknown, path).not.toThrow()
    }
})

it('is kept and shown as it was, and not cleaned of what somebody may look for', async () => {
  const found = (await system.api.event(event)) as unknown as { entity: { name: string }; data: Record<string, string[]> }

  expect(found.entity.name).toBe(all)
  expect(found.data[all]).toEqual(payloads)
})

it('writes no control character into a log, and no line of its own', async () => {
  const { ingest, status, dispatchers } = system
  const lines = [ingest, status, ...dispatchers].flatMap((one) => one.output().split('\n').filter(Boolean))

  expect(lines.some((line) => line.includes(event))).toBe(true)
  for (const line of lines) {
    // eslint-disable-next-line no-control-regex -- these are what is looked for
    expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/)
    expect(() => JSON.parse(line) as unknown, line).not.toThrow()
    expect(JSON.parse(line)).not.toMatchObject({ msg: expect.stringContaining('forged') })
  }
})
