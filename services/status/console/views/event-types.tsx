import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useState, type FormEvent } from 'react'
import { Link } from 'wouter'
import type { EventType } from '../../../../shared/contracts/api/event-type.ts'
import { get, put, remove, type List } from '../api.ts'
import { Button } from '../parts/button.tsx'
import { Confirm } from '../parts/confirm.tsx'
import { Dialog } from '../parts/dialog.tsx'
import { Field, problemAt } from '../parts/field.tsx'
import { NothingHere, Reasons, Shown } from '../parts/states.tsx'
import { createList } from '../parts/table.tsx'
import { textsOf } from '../parts/texts.ts'
import { Ago } from '../parts/time.tsx'
import { useMay } from '../session.tsx'
import { searchFor } from '../where.ts'

type Row = EventType & { onOpen(type: EventType): void }
const Types = createList<Row>([
  {
    name: 'Event type',
    by: (row) => row.name,
    cell: (row) => (
      <button type="button" className="link mono break" onClick={() => row.onOpen(row)}>
        {row.name}
      </button>
    ),
  },
  { name: 'Meaning', cell: (row) => <span className="break">{row.description ?? <span className="faint">–</span>}</span> },
  {
    name: 'Schema',
    by: (row) => (row.schema === null ? 1 : 0),
    cell: (row) => (row.schema === null ? <span className="faint">none</span> : 'JSON Schema'),
  },
  { name: 'Changed', by: (row) => row.updated_at, cell: (row) => <Ago at={row.updated_at} /> },
  { name: 'Deliveries', cell: (row) => <Link to={searchFor(['event_type', 'eq', row.name])}>in the log</Link> },
])

export default function EventTypes() {
  const query = useQuery({ queryKey: ['event-types'], queryFn: ({ signal }) => get<List<EventType>>('/event-types', signal) })
  const [open, setOpen] = useState<EventType | 'new'>()
  const mayWrite = useMay('write')
  return (
    <section className="page">
      <header className="page-head">
        <h1>Event types</h1>
        {mayWrite && (
          <Button kind="primary" icon="plus" onClick={() => setOpen('new')}>
            Register a type
          </Button>
        )}
      </header>
      <p className="hint">They tell those who subscribe what there is. Events of other types are accepted all the same.</p>
      <Shown query={query}>
        {({ data }) =>
          data.length === 0 ? (
            <NothingHere
              title="No event type is registered"
              text="Events are accepted and delivered without; a registered type has a meaning and a schema that people can look up."
            />
          ) : (
            <Types label="Event types" id={(row) => row.name} rows={data.map((row) => ({ ...row, onOpen: setOpen }))} />
          )
        }
      </Shown>
      {open && <Edit type={open === 'new' ? undefined : open} mayWrite={mayWrite} onClose={() => setOpen(undefined)} />}
    </section>
  )
}

type EditProps = { type: EventType | undefined; mayWrite: boolean; onClose(): void }

function Edit({ type, mayWrite, onClose }: EditProps) {
  const client = useQueryClient()
  const [error, setError] = useState<unknown>()
  const done = async () => {
    await client.invalidateQueries({ queryKey: ['event-types'] })
    onClose()
  }
  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault()
    const [name, description, schema] = textsOf(event.currentTarget, 'name', 'description', 'schema')
    try {
      await put(`/event-types/${encodeURIComponent(type?.name ?? name ?? '')}`, {
        description: description || null,
        schema: schema?.trim() ? JSON.parse(schema) : null,
      })
      await done()
    } catch (refused) {
      setError(refused)
    }
  }
  return (
    <Dialog title={type?.name ?? 'Register an event type'} onClose={onClose} wide>
      <form className="form" onSubmit={(event) => void submit(event)}>
        {!type && (
          <Field label="Name" hint="Words joined by full stops, for example table.updated." problem={problemAt(error, 'params.name')}>
            {(props) => <input {...props} name="name" required autoFocus className="mono" />}
          </Field>
        )}
        <Field label="Meaning" problem={problemAt(error, 'description')}>
          {(props) => (
            <textarea
              {...props}
              name="description"
              rows={2}
              maxLength={2_000}
              readOnly={!mayWrite}
              defaultValue={type?.description ?? ''}
            />
          )}
        </Field>
        <Field label="Schema" hint="JSON Schema of the event's data; may be left empty." problem={problemAt(error, 'schema')}>
          {(props) => (
            <textarea
              {...props}
              name="schema"
              rows={12}
              className="mono"
              spellCheck={false}
              readOnly={!mayWrite}
              defaultValue={type?.schema ? JSON.stringify(type.schema, null, 2) : ''}
            />
          )}
        </Field>
        {error !== undefined && (
          <div className="explain failed" role="alert">
            {(error as Error).message}
            <Reasons error={error} />
          </div>
        )}
        {mayWrite && (
          <div className="row end">
            {type && (
              <Confirm
                label="Remove"
                title="Remove this event type?"
                action="Remove it"
                onConfirm={async () => {
                  await remove(`/event-types/${encodeURIComponent(type.name)}`)
                  await done()
                }}
              >
                Its meaning and schema are gone; events of this type are accepted and delivered as before.
              </Confirm>
            )}
            <Button kind="primary" type="submit">
              Save
            </Button>
          </div>
        )}
      </form>
    </Dialog>
  )
}
