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
    const answer = (await response.json()) as Answer
    if (!response.ok && response.status !== 409) throw new Error(`${method} ${path}: ${response.status} ${JSON.stringify(answer)}`)
    return answer
  }
  const [schemes, adapters] = await Promise.all([loadSchemes(), loadSources()])
  const signers = new Map<string, Signer>()
  for (const adapter of adapters.all()) {
    const setup = adapter.scheme ? setupsOf(adapter.scheme)[0] : undefined
    const secret = setup?.createSecret()
    const settings = adapter.settings && { settings: adapter.samples[0]?.settings ?? {} }
    const params = setup?.params && { scheme_params: setup.params }
    await call('POST', '/sources', {
      name: `fuzz-${adapter.name}`,
      adapter: adapter.name,
      ...settings,
      ...params,
      ...(secret && { secret }),
    })
    if (adapter.scheme && secret)
      signers.set(adapter.name, { scheme: schemes.get(adapter.scheme), secret, ...(setup?.params && { params: setup.params }) })
  }
  const document = (await call('GET', '/openapi.json')) as unknown as Document
  const stage: Stage = { key, ids: {} }

  async function restore(): Promise<void> {
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
