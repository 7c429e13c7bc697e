import { useQuery } from '@tanstack/react-query'
import { useId } from 'react'
import type { EventType } from '../../../../shared/contracts/api/event-type.ts'
import type { SubscriptionFilters } from '../../../../shared/contracts/subscription.ts'
import { get, type List } from '../api.ts'
import { newSubscription, type SubscriptionDraft } from '../draft.ts'
import { Button } from '../parts/button.tsx'
import { listOf } from '../where.ts'

type Props = { subscriptions: SubscriptionDraft[]; onChange(subscriptions: SubscriptionDraft[]): void }
type Clause = Exclude<keyof SubscriptionFilters, 'open_metadata'>
const clauses: Record<Clause, string> = {
  domains: 'Domains',
  entity_types: 'Entity types',
  names: 'Names, with * and ?',
  owners: 'Owners',
  tags: 'Tags',
  sources: 'Sources',
}

export function SubscriptionsEditor({ subscriptions, onChange }: Props) {
  const listId = useId()
  const types = useQuery({ queryKey: ['event-types'], queryFn: ({ signal }) => get<List<EventType>>('/event-types', signal) })
  const change = (key: string, members: Partial<SubscriptionDraft>) =>
    onChange(subscriptions.map((one) => (one.key === key ? { ...one, ...members } : one)))
  return (
    <fieldset className="rows">
      <legend>Events that it gets</legend>
      {subscriptions.length === 0 && <p className="explain retrying">None: nothing will be sent to it.</p>}
      {subscriptions.map((one) => (
        <div key={one.key} className="subscription">
          <div className="row">
            <input
              aria-label="Event type"
              className="grow mono"
              list={listId}
              value={one.eventType}
              placeholder="table.updated, table.*, *.updated or *"
              onChange={({ target }) => change(one.key, { eventType: target.value })}
            />
            <Button onClick={() => onChange(subscriptions.filter(({ key }) => key !== one.key))}>Remove</Button>
          </div>
          <Filters filters={one.filters} onChange={(filters) => change(one.key, { filters })} />
        </div>
      ))}
      <datalist id={listId}>
        {['*', ...(types.data?.data.map(({ name }) => name) ?? [])].map((name) => (
          <option key={name} value={name} />
        ))}
      </datalist>
      <div>
        <Button icon="plus" onClick={() => onChange([...subscriptions, newSubscription()])}>
          Subscription
        </Button>
      </div>
    </fieldset>
  )
}

function Filters({ filters, onChange }: { filters: SubscriptionFilters; onChange(filters: SubscriptionFilters): void }) {
  const set = (clause: Clause, text: string) => {
    const { [clause]: _, ...rest } = filters
    const values = listOf(text)
    onChange(values.length > 0 ? { ...rest, [clause]: values } : rest)
  }
  const count = Object.keys(filters).length
  return (
    <details open={count > 0}>
      <summary>Only where{count > 0 ? '' : ' …'}</summary>
      <div className="fields small">
        {(Object.entries(clauses) as [Clause, string][]).map(([clause, name]) => (
          <label key={clause} className="field">
            <span>{name}</span>
            {/* taken over when it is left, so that a comma can be typed */}
            <input defaultValue={filters[clause]?.join(', ')} placeholder="any" onBlur={({ target }) => set(clause, target.value)} />
          </label>
        ))}
      </div>
      {filters.open_metadata && <p className="hint break">and, in the words of OpenMetadata: {JSON.stringify(filters.open_metadata)}</p>}
    </details>
  )
}
