import type { Webhook } from '../../../shared/contracts/api/webhook.ts'
import type { Api } from './api.ts'
import { Failure } from './fail.ts'
import type { Flags } from './where.ts'

type Page<T> = { data: T[]; meta: { next_cursor: string | null } }
const isId = (text: string) => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text)

/** By its id, or by a label that only one webhook has. */
export async function findWebhook(api: Api, name: string): Promise<Webhook> {
  if (isId(name)) return api.get<Webhook>(`/webhooks/${name}`)
  const filter = { field: 'label', op: 'eq', value: name }
  const { data } = await api.call<Page<Webhook>>('POST', '/webhooks/filter', { filter, limit: 3 })
  const [found, another] = data
  if (!found) throw new Failure(`there is no webhook with the id or label "${name}"`)
  if (another) throw new Failure(`several webhooks have the label "${name}"; name one by its id: ${data.map(({ id }) => id).join(', ')}`)
  return found
}

/** Labels in `--webhook` become ids. */
export async function withIds(api: Api, flags: Flags): Promise<Flags> {
  if (!flags.webhook) return flags
  return {
    ...flags,
    webhook: await Promise.all(flags.webhook.map(async (name) => (isId(name) ? name : (await findWebhook(api, name)).id))),
  }
}
