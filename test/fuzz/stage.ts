import { loadSchemes, loadSources, setupsOf } from '../support/samples.ts'
import type { Stage } from './cases.ts'
import { templatesOf, type Signer, type Template } from './routes.ts'
import type { Document } from './sample.ts'
import type { Target } from './target.ts'

/** What the fuzzer works with: every route, and records for the paths to lead to. */
export type Staged = { templates: Template[]; stage: Stage /** Puts back what the fuzzer has removed. */; restore(): Promise<void> }

type Answer = Record<string, unknown> & { id?: string; name?: string; secret?: string }

export async function setStage({ url, key }: Target): Promise<Staged> {
  const call = async (method: string, path: string, body?: unknown): Promise<Answer> => {
    const response = await fetch(url + path, {
      method,
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    const answer = (text ? JSON.parse(text) : {}) as Answer
    if (!response.ok && ![404, 409].includes(response.status))
      throw new Error(`${method} ${path}: ${response.status} ${JSON.stringify(answer)}`)
    return answer
  }
  const [schemes, adapters] = await Promise.all([loadSchemes(), loadSources()])
  const signers = new Map<string, Signer>()
  for (const adapter of adapters.all()) {
    const setup = adapter.scheme ? setupsOf(adapter.scheme)[0] : undefined
    if (adapter.scheme && setup)
      signers.set(adapter.name, {
        scheme: schemes.get(adapter.scheme),
        secret: setup.createSecret(),
        ...(setup.params && { params: setup.params }),
      })
  }
  /** As they were: the fuzzer has removed some of them, and changed the secrets of others. */
  async function registerSources(): Promise<void> {
    for (const adapter of adapters.all()) {
      const signer = signers.get(adapter.name)
      const name = `fuzz-${adapter.name}`
      const settings = adapter.settings && { settings: adapter.samples[0]?.settings ?? {} }
      const proof = signer && { secret: signer.secret, ...(signer.params && { scheme_params: signer.params }) }
      await call('DELETE', `/sources/${name}`)
      await call('POST', '/sources', { name, adapter: adapter.name, ...settings, ...proof })
    }
  }
  const document = (await call('GET', '/openapi.json')) as unknown as Document
  const stage: Stage = { key, ids: {} }

  async function restore(): Promise<void> {
    await registerSources()
    // inactive: no event of the fuzzer is to become a delivery to anybody
    const webhook = await call('POST', '/webhooks', { url: 'https://example.com/hook', active: false })
    const id = webhook.id as string
    await call('PUT', `/webhooks/${id}/subscriptions`, ['*'])
    const accepted = (await call('POST', '/events', { type: 'fuzz.staged' })) as { events?: { id: string }[] }
    const entity = await call('POST', '/api/v1/webhooks', {
      name: `fuzz-${Date.now()}`,
      endpoint: 'https://example.com/om',
      enabled: false,
      eventFilters: [],
    }).catch(() => webhook)
    const other = await call('POST', '/keys', { label: 'fuzz', scopes: ['read'] })
    await call('PUT', '/event-types/fuzz.staged', {})
    stage.ids = {
      webhooks: [id],
      events: (accepted.events ?? []).map((event) => event.id),
      sources: adapters.all().map(({ name }) => `fuzz-${name}`),
      keys: [other.id as string],
      'event-types': ['fuzz.staged'],
      api: [id, entity.id as string],
    }
  }
  await restore()
  return { templates: templatesOf(document, adapters, signers), stage, restore }
}
