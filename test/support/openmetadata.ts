import { expect } from 'vitest'
import type { OpenMetadataWebhook } from '../../shared/contracts/api/openmetadata.ts'
import type { Webhook } from '../../shared/contracts/api/webhook.ts'
import type { Answer, StatusApp } from './status-app.ts'

/** What a client of OpenMetadata's webhook entity does, in a word each. */
export const root = '/api/v1/webhooks'
export const mask = '*********'
export type Problem = { detail: string; errors?: { field: string }[] }
export type List<T> = { data: T[]; paging: { total: number; after?: string } }

let made = 0
export const aWebhook = (members: object = {}) => ({
  name: `webhook-${++made}`,
  webhookType: 'Generic',
  eventFilters: [{ eventType: 'entityUpdated', entities: ['table'] }],
  webhookConfig: { endpoint: 'https://receiver.example.com/hooks' },
  ...members,
})

export function openMetadataClient(app: () => StatusApp) {
  const call = <T = OpenMetadataWebhook>(method: string, path: string, body?: unknown, options = {}): Promise<Answer<T>> =>
    app().call<T>(method, root + path, body, options)
  return {
    call,
    patch: <T = OpenMetadataWebhook>(id: string, ...operations: object[]): Promise<Answer<T>> =>
      call<T>('PATCH', `/${id}`, operations, { headers: { 'content-type': 'application/json-patch+json' } }),
    async create(members: object = {}): Promise<OpenMetadataWebhook> {
      const { status: code, body, text } = await call('POST', '', aWebhook(members))
      expect(code, text).toBe(201)
      return body
    },
    native: async (id: string): Promise<Webhook> => (await app().call<Webhook>('GET', `/webhooks/${id}`)).body,
    /** What is sealed of it. */
    async opened(id: string) {
      const { storage, deps } = app()
      const stored = await storage.webhooks.load(id)
      const open = (sealed: string) => deps.vault.open(sealed, id)
      return {
        secrets: stored?.secrets.map(({ sealed }) => open(sealed)),
        headers: stored?.headers ? (JSON.parse(open(stored.headers)) as object) : {},
        settings: stored?.formatSettings ? (JSON.parse(open(stored.formatSettings)) as object) : {},
      }
    },
  }
}
