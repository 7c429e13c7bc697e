import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useState, type FormEvent } from 'react'
import type { z } from 'zod'
import type { Key, KeyWithText } from '../../../../shared/contracts/api/key.ts'
import { get, post, remove, type List } from '../api.ts'
import { Button } from '../parts/button.tsx'
import { Confirm } from '../parts/confirm.tsx'
import { Dialog } from '../parts/dialog.tsx'
import { Field, problemAt } from '../parts/field.tsx'
import { SecretShown } from '../parts/secret.tsx'
import { Reasons, Shown } from '../parts/states.tsx'
import { createList } from '../parts/table.tsx'
import { textsOf } from '../parts/texts.ts'
import { Ago, At } from '../parts/time.tsx'
import { say, sayFailed } from '../parts/toasts.tsx'
import { scopes, type Scope } from '../scopes.ts'
import { useSession } from '../session.tsx'

type Made = z.infer<typeof KeyWithText>
type Row = Key & { own: boolean; onRotate(key: Key): void; onRemove(key: Key): Promise<void> }

const Keys = createList<Row>([
  {
    name: 'Key',
    by: (row) => row.label.toLowerCase(),
    cell: (row) => (
      <span className="break">
        {row.label} {row.own && <span className="faint">(yours now)</span>}
      </span>
    ),
  },
  { name: 'May', by: (row) => row.scopes.join(), cell: (row) => row.scopes.join(', ') },
  { name: 'Made', by: (row) => row.created_at, cell: (row) => <Ago at={row.created_at} /> },
  {
    name: 'Last used',
    by: (row) => row.last_used_at ?? '',
    cell: (row) => (row.last_used_at ? <Ago at={row.last_used_at} /> : <span className="faint">never</span>),
  },
  {
    name: 'Ends',
    by: (row) => row.expires_at ?? '~',
    cell: (row) => (row.expires_at ? <At at={row.expires_at} /> : <span className="faint">never</span>),
  },
  {
    name: '',
    cell: (row) => (
      <div className="row end tight">
        <Button onClick={() => row.onRotate(row)}>Rotate</Button>
        <Confirm label="Remove" title="Remove this key?" action="Remove it" onConfirm={() => row.onRemove(row)}>
          Whoever uses “{row.label}” is refused within two seconds{row.own ? ', and you are signed out' : ''}.
        </Confirm>
      </div>
    ),
  },
])

export default function KeysView() {
  const client = useQueryClient()
  const { who } = useSession()
  const query = useQuery({ queryKey: ['keys'], queryFn: ({ signal }) => get<List<Key>>('/keys', signal) })
  const [adding, setAdding] = useState(false)
  const [rotating, setRotating] = useState<Key>()
  const [made, setMade] = useState<Made>()
  const refresh = () => client.invalidateQueries({ queryKey: ['keys'] })
  const drop = async ({ id }: Key) => {
    await remove(`/keys/${id}`)
    await refresh()
    say('Removed.')
  }
  const show = (key: Made) => {
    setAdding(false)
    setRotating(undefined)
    setMade(key)
    void refresh()
  }
  return (
    <section className="page">
      <header className="page-head">
        <h1>Keys</h1>
        <Button kind="primary" icon="plus" onClick={() => setAdding(true)}>
          New key
        </Button>
      </header>
      <Shown query={query}>
        {({ data }) => (
          <Keys
            label="API keys"
            id={(row) => row.id}
            rows={data.map((key) => ({ ...key, own: key.id === who.key.id, onRotate: setRotating, onRemove: drop }))}
          />
        )}
      </Shown>
      {adding && <Add onMade={show} onClose={() => setAdding(false)} />}
      {rotating && <Rotate apiKey={rotating} onMade={show} onClose={() => setRotating(undefined)} />}
      {made && (
        <SecretShown
          title={`The key “${made.label}”`}
          text={made.key}
          about="Sent as Authorization: Bearer …"
          onClose={() => setMade(undefined)}
        />
      )}
    </section>
  )
}

function Add({ onMade, onClose }: { onMade(key: Made): void; onClose(): void }) {
  const [chosen, setChosen] = useState<Scope[]>(['ingest'])
  const [error, setError] = useState<unknown>()
  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault()
    const [label, ends] = textsOf(event.currentTarget, 'label', 'ends')
    const body = { label, scopes: chosen, ...(ends && { expires_at: new Date(ends).toISOString() }) }
    await post<Made>('/keys', body).then(onMade, setError)
  }
  return (
    <Dialog title="New key" onClose={onClose}>
      <form className="form" onSubmit={(event) => void submit(event)}>
        <Field label="Label" hint="Who or what uses it." problem={problemAt(error, 'label')}>
          {(props) => <input {...props} name="label" required autoFocus maxLength={200} />}
        </Field>
        <fieldset className="rows">
          <legend>What it may do</legend>
          {scopes.map(({ name, about }) => (
            <label key={name} className="line">
              <input
                type="checkbox"
                checked={chosen.includes(name)}
                onChange={() => setChosen(chosen.includes(name) ? chosen.filter((one) => one !== name) : [...chosen, name])}
              />
              <span>
                <strong>{name}</strong> <span className="faint">{about}</span>
              </span>
            </label>
          ))}
        </fieldset>
        <Field label="Ends" hint="Left empty: never." problem={problemAt(error, 'expires_at')}>
          {(props) => <input {...props} name="ends" type="datetime-local" />}
        </Field>
        {error !== undefined && (
          <div className="explain failed" role="alert">
            {(error as Error).message}
            <Reasons error={error} />
          </div>
        )}
        <div className="row end">
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="primary" type="submit" disabled={chosen.length === 0}>
            Make the key
          </Button>
        </div>
      </form>
    </Dialog>
  )
}

function Rotate({ apiKey, onMade, onClose }: { apiKey: Key; onMade(key: Made): void; onClose(): void }) {
  const [overlap, setOverlap] = useState(86_400)
  const rotate = () => post<Made>(`/keys/${apiKey.id}/rotate`, { overlap_seconds: overlap }).then(onMade, sayFailed)
  return (
    <Dialog title={`Rotate “${apiKey.label}”`} onClose={onClose}>
      <label className="line">
        <span>The old one is taken for another</span>
        <select value={overlap} onChange={({ target }) => setOverlap(Number(target.value))}>
          <option value={86_400}>24 hours</option>
          <option value={3_600}>1 hour</option>
          <option value={604_800}>7 days</option>
          <option value={0}>not at all</option>
        </select>
      </label>
      <div className="row end">
        <Button onClick={onClose}>Cancel</Button>
        <Button kind="primary" onClick={() => void rotate()}>
          Make a new one
        </Button>
      </div>
    </Dialog>
  )
}
