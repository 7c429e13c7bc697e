import { describe, expect, it } from 'vitest'
import type { Event } from '../../shared/contracts/event.ts'
import { formatByUrl, routingKeyOf } from '../../shared/payload/format-by-url.ts'
import { contextFor, loadFormats } from '../support/samples.ts'

const formats = await loadFormats()
const base: Event = {
  id: '0190b6a2-7c1e-7a64-9a0e-3d7d2f5f7b11',
  organizationId: 'org',
  source: 'quality',
  type: 'testCase.updated',
  time: '2026-04-15T09:00:03Z',
  entity: { type: 'testCase', id: '2b91', name: 'orders.row_count' },
  data: 'null',
}
const result = (status: string): Event => ({
  ...base,
  change: { updated: [{ name: 'testCaseResult', new_value: { testCaseStatus: status } }] },
})
const routing_key = 'e93facc04764012d7bfb002500d5d1a6'
const incident = (event: Event, severity: Record<string, string> = {}) => {
  const format = formats.get('pagerduty')
  return JSON.parse(Buffer.from(format.render(event, contextFor(format, { routing_key, severity })).body).toString())
}

describe('PagerDuty', () => {
  it('opens an incident for what failed', () => {
    expect(incident(result('Failed'))).toEqual({
      routing_key,
      event_action: 'trigger',
      dedup_key: 'quality/testCase/2b91',
      payload: {
        summary: 'Test case orders.row_count failed',
        source: 'quality',
        severity: 'error',
        timestamp: base.time,
        component: 'orders.row_count',
        class: 'testCase.updated',
        custom_details: { event_id: base.id, entity_id: '2b91', Changes: ['testCaseResult: Failed'] },
      },
      client: 'Tidings',
    })
  })

  it('resolves it under the same key when it recovers, and says no more than that', () => {
    expect(incident(result('Success'))).toEqual({ routing_key, event_action: 'resolve', dedup_key: incident(result('Failed')).dedup_key })
    const { entity: _, ...bare } = base
    const keys = ['ingestion.failed', 'ingestion.succeeded'].map((type) => incident({ ...bare, type }).dedup_key)
    expect(keys).toEqual(['quality/ingestion', 'quality/ingestion'])
  })

  it.each([
    ['test.failed', 'trigger'],
    ['test.recovered', 'resolve'],
    ['build.succeeded', 'resolve'],
    ['table.deleted', 'resolve'],
    ['table.softDeleted', 'resolve'],
    ['table.updated', 'trigger'],
    ['build.cancelled', 'trigger'],
  ])('%s: %s', (type, event_action) => {
    expect(incident({ ...base, type })).toMatchObject({ event_action })
  })

  it('takes the severity of the closest pattern', () => {
    const severity = { '*': 'warning', 'test.*': 'critical', 'test.failed': 'info' }
    const of = (type: string, map: Record<string, string>) => incident({ ...base, type }, map).payload.severity
    expect(['test.failed', 'test.broken', 'table.failed'].map((type) => of(type, severity))).toEqual(['info', 'critical', 'warning'])
    expect(['test.failed', 'test.aborted', 'table.created'].map((type) => of(type, {}))).toEqual(['error', 'warning', 'info'])
  })

  it('keeps keys apart that are too long to tell apart', () => {
    const key = (id: string) => incident({ ...base, type: 'a.failed', entity: { type: 't', id } }).dedup_key
    const [one, other] = [key(`${'x'.repeat(490)}1`), key(`${'x'.repeat(490)}2`)]
    expect(one).not.toBe(other)
    expect(one.length).toBeLessThanOrEqual(255)
    expect(key('\u202ex')).not.toBe(key('x'))
  })

  it.each([
    [{}],
    [{ routing_key: '' }],
    [{ routing_key: 'x'.repeat(33) }],
    [{ routing_key, severity: { '*': 'fatal' } }],
    [{ routing_key, severity: { '**': 'info' } }],
  ])('refuses settings %j', (settings) => {
    expect(formats.get('pagerduty').settings?.safeParse(settings).success).toBe(false)
  })
})

const connector = (status: number) =>
  `Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error ${status} with ContextId x`

describe('what a service answers', () => {
  it.each([
    ['slack', 200, 'ok', 'success'],
    ['slack', 200, 'ok\n', 'success'],
    ['slack', 200, '<html>sign in</html>', 'retry'],
    ['slack', 400, 'invalid_payload', 'permanent'],
    ['slack', 403, 'action_prohibited', 'permanent'],
    ['slack', 404, 'no_service', 'permanent'],
    ['slack', 410, 'channel_is_archived', 'permanent'],
    ['slack', 429, '', 'retry'],
    ['slack', 500, 'rollup_error', 'retry'],
    ['msteams', 202, '', 'success'],
    ['msteams', 200, '1', 'success'],
    ['msteams', 200, connector(429), 'retry'],
    ['msteams', 200, connector(413), 'permanent'],
    ['msteams', 200, connector(500), 'retry'],
    ['msteams', 200, '<html>', 'retry'],
    ['msteams', 400, 'Bad payload', 'permanent'],
    ['msteams', 429, '', 'retry'],
    ['googlechat', 200, '{"name":"spaces/A/messages/B"}', 'success'],
    ['googlechat', 200, `{"name":"spaces/A/messages/B","text":"${'x'.repeat(100)}`, 'success'],
    ['googlechat', 200, '{"error":{"code":400}}', 'retry'],
    ['googlechat', 200, '', 'retry'],
    ['googlechat', 400, '{}', 'permanent'],
    ['googlechat', 403, '{}', 'permanent'],
    ['googlechat', 404, '{}', 'permanent'],
    ['googlechat', 429, '{}', 'retry'],
    ['googlechat', 503, '', 'retry'],
    ['pagerduty', 202, '{"status":"success","message":"Event processed","dedup_key":"a"}', 'success'],
    ['pagerduty', 202, '{"status":"invalid event"}', 'retry'],
    ['pagerduty', 400, '{"status":"invalid event","errors":["x"]}', 'permanent'],
    ['pagerduty', 429, '', 'retry'],
    ['pagerduty', 500, '', 'retry'],
  ])('%s %d %s: %s', (name, statusCode, body, meaning) => {
    const judgement = formats.get(name).judge?.({ statusCode, body })
    const said = judgement?.outcome === 'succeeded' ? 'success' : judgement?.permanent ? 'permanent' : 'retry'
    expect(said).toBe(meaning)
  })
})

describe('the format that a URL calls for', () => {
  it.each([
    ['https://hooks.slack.com/services/T0/B0/x', 'slack'],
    ['https://HOOKS.slack.com:443/services/T0/B0/x', 'slack'],
    ['https://hooks.slack-gov.com/services/T0/B0/x', 'slack'],
    ['https://outlook.office.com/webhook/x', 'msteams'],
    ['https://acme.webhook.office.com/webhookb2/x/IncomingWebhook/y', 'msteams'],
    ['https://prod-1.westeurope.logic.azure.com:443/workflows/a/triggers/manual/paths/invoke?sig=x', 'msteams'],
    [
      'https://default1.2.environment.api.powerplatform.com/powerautomate/automations/direct/workflows/a/triggers/manual/paths/invoke',
      'msteams',
    ],
    ['https://chat.googleapis.com/v1/spaces/A/messages?key=k&token=t', 'googlechat'],
    ['https://events.pagerduty.com/v2/enqueue', 'pagerduty'],
    ['https://events.eu.pagerduty.com/v2/enqueue', 'pagerduty'],
    ['https://events.pagerduty.com/v2/change/enqueue', undefined],
    ['https://hooks.slack.com.evil.example/services/x', undefined],
    ['https://evil.example/hooks.slack.com/services/x', undefined],
    ['https://notlogic.azure.com/workflows/x', undefined],
    ['https://outlook.office.com/mail', undefined],
    ['not a url', undefined],
  ])('%s: %s', (url, format) => {
    expect(formatByUrl(url)).toBe(format)
    if (format) expect(formats.has(format)).toBe(true)
  })

  it('finds the routing key where OpenMetadata documents it', () => {
    expect(routingKeyOf({ authorization: 'Token token=YOUR_API_KEY' })).toBe('YOUR_API_KEY')
    expect(routingKeyOf({ Authorization: 'token token="abc"' })).toBe('abc')
    for (const authorization of ['Bearer abc', 'Token token=', `Token token=${'x'.repeat(33)}`])
      expect(routingKeyOf({ authorization })).toBeUndefined()
    expect(routingKeyOf({})).toBeUndefined()
  })
})
