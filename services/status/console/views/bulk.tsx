import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import type { Redelivery } from '../../../../shared/contracts/api/delivery.ts'
import type { Filter } from '../../../../shared/contracts/filter.ts'
import { get, post, remove } from '../api.ts'
import { Button } from '../parts/button.tsx'
import { Dialog } from '../parts/dialog.tsx'
import { Failed, Loading } from '../parts/states.tsx'
import { sayFailed } from '../parts/toasts.tsx'
import { number, plural } from '../words.ts'
import { both } from '../where.ts'

export type Bulk = { kind: 'all' } | { kind: 'some'; ids: string[] }

export const BulkBar = ({ count, onRedeliver, onClear }: { count: number; onRedeliver(): void; onClear(): void }) => (
  <div className="bulk" role="status">
    <strong>{number(count)} selected</strong>
    <Button icon="again" kind="primary" onClick={onRedeliver}>
      Redeliver
    </Button>
    <button type="button" className="link" onClick={onClear}>
      Clear
    </button>
  </div>
)

const finished: Filter = { field: 'status', op: 'in', value: ['succeeded', 'failed', 'cancelled'] }
const unsuccessful: Filter = { field: 'status', op: 'in', value: ['failed', 'cancelled'] }

const byIds = (ids: string[]): Filter =>
  // a list of the filter language has 1,000 values at most
  ids.length <= 1_000
    ? { field: 'id', op: 'in', value: ids }
    : {
        or: Array.from({ length: Math.ceil(ids.length / 1_000) }, (_, i) => ({
          field: 'id',
          op: 'in',
          value: ids.slice(i * 1_000, (i + 1) * 1_000),
        })),
      }

type Props = { bulk: Bulk; filter: Filter | undefined; onClose(): void }

/** How many there are comes first; then it begins, shows how far it is, and can be stopped. */
export function BulkDialog({ bulk, filter, onClose }: Props) {
  const client = useQueryClient()
  const [withSucceeded, setWithSucceeded] = useState(bulk.kind === 'some')
  const [id, setId] = useState<string>()
  const wanted = both(bulk.kind === 'some' ? byIds(bulk.ids) : filter, withSucceeded ? finished : unsuccessful)
  const close = () => {
    void client.resetQueries({ queryKey: ['log'] })
    onClose()
  }
  return (
    <Dialog title="Redeliver" onClose={close}>
      {id ? (
        <Progress id={id} onClose={close} />
      ) : (
        <>
          <label className="line">
            <input type="checkbox" checked={withSucceeded} onChange={({ target }) => setWithSucceeded(target.checked)} />
            <span>also those that have succeeded</span>
          </label>
          <Question key={String(withSucceeded)} filter={wanted} onBegun={setId} onClose={onClose} />
        </>
      )}
    </Dialog>
  )
}

function Question({ filter, onBegun, onClose }: { filter: Filter; onBegun(id: string): void; onClose(): void }) {
  const [busy, setBusy] = useState(false)
  const count = useQuery({
    queryKey: ['count before redelivery', JSON.stringify(filter)],
    queryFn: ({ signal }) => post<{ count: number }>('/webhook-deliveries/count', { filter }, signal),
    gcTime: 0,
    staleTime: 0,
  })
  const begin = async () => {
    setBusy(true)
    await post<Redelivery>('/webhook-deliveries/redeliver', { filter }).then(({ id }) => onBegun(id), sayFailed)
    setBusy(false)
  }
  if (count.error) return <Failed error={count.error} onRetry={() => void count.refetch()} />
  if (!count.data) return <Loading what="Counting" />
  const { count: many } = count.data
  return (
    <>
      <p className="big">
        {many === 0 ? 'None of these is finished.' : `${plural(many, 'finished delivery', 'finished deliveries')} will be sent again.`}
      </p>
      <p className="hint">With the same event id, so that receivers can tell. Those of webhooks that are not active are left out.</p>
      <div className="row end">
        <Button onClick={onClose}>Cancel</Button>
        <Button kind="primary" icon="again" busy={busy} disabled={many === 0} onClick={() => void begin()}>
          Redeliver {number(many)}
        </Button>
      </div>
    </>
  )
}

function Progress({ id, onClose }: { id: string; onClose(): void }) {
  const client = useQueryClient()
  const key = ['redelivery', id]
  const query = useQuery({
    queryKey: key,
    queryFn: ({ signal }) => get<Redelivery>(`/redeliveries/${id}`, signal),
    refetchInterval: ({ state }) => (state.data && state.data.status !== 'running' ? false : 500),
  })
  if (query.error) return <Failed error={query.error} onRetry={() => void query.refetch()} />
  if (!query.data) return <Loading />
  const { matched, redelivered, status } = query.data
  const stop = () => remove<Redelivery>(`/redeliveries/${id}`).then((left) => client.setQueryData(key, left), sayFailed)
  return (
    <>
      <progress max={Math.max(matched, 1)} value={status === 'finished' ? Math.max(matched, 1) : redelivered} aria-label="Progress" />
      <p className="big" role="status">
        {status === 'running' ? 'Sending again' : status === 'stopped' ? 'Stopped' : 'Done'}: {number(redelivered)} of {number(matched)}
      </p>
      <p className="hint">It goes on when this is closed, and survives a restart.</p>
      <div className="row end">
        {status === 'running' && (
          <Button kind="danger" icon="stop" onClick={() => void stop()}>
            Stop
          </Button>
        )}
        <Button kind="primary" onClick={onClose}>
          {status === 'running' ? 'Close' : 'Done'}
        </Button>
      </div>
    </>
  )
}
