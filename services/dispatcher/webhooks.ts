import { LRUCache } from 'lru-cache'
import type { Clock } from '../../shared/clock.ts'
import { gather } from '../../shared/gather.ts'
import type { Vault } from '../../shared/secrets.ts'
import type { Storage, Webhook } from '../../shared/storage/storage.ts'

/** A webhook ready to be used: its secrets and headers opened. */
export type OpenWebhook = Omit<Webhook, 'headers' | 'formatSettings' | 'secrets'> & {
  headers: Record<string, string>
  formatSettings: Record<string, unknown>
  secrets: { value: string; expiresAt: number | null }[]
}

export type Webhooks = {
  /** @param version what the registry's version in Redis was last seen to be; a copy of another version is read again */
  load(id: string, version: string): Promise<OpenWebhook | undefined>
}

/** Should the announcement of a change be lost, a copy is no older than this. */
const ttlMs = 10_000
/** One in use is read again in good time, beside the delivery that needs it: none waits for SQL. */
const renewMs = ttlMs / 2
/** Of one query: an event that goes to very many has a dispatcher ask for all of them. */
const together = 200

export function cacheWebhooks(
  storage: { webhooks: Pick<Storage['webhooks'], 'loadAll'> },
  vault: Vault,
  perf: Pick<Clock, 'now'> = performance,
): Webhooks {
  const copies = new LRUCache<string, { version: string; webhook: OpenWebhook | undefined }>({
    max: 10_000,
    ttl: ttlMs,
    ttlResolution: 0,
    perf,
  })
  const renewing = new Set<string>()

  const load = gather(async (ids: string[]) => {
    const found = new Map((await storage.webhooks.loadAll([...new Set(ids)])).map((webhook) => [webhook.id, webhook]))
    return ids.map((id) => found.get(id))
  }, together)

  async function read(id: string, version: string): Promise<OpenWebhook | undefined> {
    const webhook = openWebhook(await load(id).output, vault)
    copies.set(id, { version, webhook })
    return webhook
  }

  /** Should it fail, whoever comes when the copy is too old reads for himself, and hears why. */
  function renew(id: string, version: string): void {
    if (renewing.has(id) || copies.getRemainingTTL(id) > renewMs) return
    renewing.add(id)
    void read(id, version)
      .catch(() => {})
      .finally(() => renewing.delete(id))
  }

  return {
    async load(id, version) {
      const copy = copies.get(id)
      if (copy?.version !== version) return read(id, version)
      renew(id, version)
      return copy.webhook
    },
  }
}

function openWebhook(webhook: Webhook | undefined, vault: Vault): OpenWebhook | undefined {
  if (!webhook) return undefined
  return {
    ...webhook,
    headers: openJson(webhook.headers, webhook.id, vault) as Record<string, string>,
    formatSettings: openJson(webhook.formatSettings, webhook.id, vault),
    secrets: webhook.secrets.map(({ sealed, expiresAt }) => ({ value: vault.open(sealed, webhook.id), expiresAt })),
  }
}

const openJson = (sealed: string | null, owner: string, vault: Vault): Record<string, unknown> =>
  sealed === null ? {} : (JSON.parse(vault.open(sealed, owner)) as Record<string, unknown>)
