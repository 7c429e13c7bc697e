import { useQueryClient } from '@tanstack/react-query'
import { useState, type FormEvent } from 'react'
import { Link, useLocation } from 'wouter'
import type { z } from 'zod'
import type { Source, SourceWithSecret } from '../../../../shared/contracts/api/source.ts'
import { post } from '../api.ts'
import { Button } from '../parts/button.tsx'
import { Dialog } from '../parts/dialog.tsx'
import { Field, problemAt } from '../parts/field.tsx'
import { SecretShown } from '../parts/secret.tsx'
import { NothingHere, Reasons, Shown } from '../parts/states.tsx'
import { createList } from '../parts/table.tsx'
import { textsOf } from '../parts/texts.ts'
import { Ago } from '../parts/time.tsx'
import { useChoices, useSources } from '../queries.ts'
import { useMay } from '../session.tsx'
import { searchFor } from '../where.ts'
import { SettingsFields } from './settings-fields.tsx'

const Sources = createList<Source>([
  { name: 'Source', by: (row) => row.name, cell: (row) => <Link to={`/sources/${encodeURIComponent(row.name)}`}>{row.name}</Link> },
  { name: 'Adapter', by: (row) => row.adapter, cell: (row) => row.adapter },
  { name: 'Verified by', by: (row) => row.scheme ?? '', cell: (row) => row.scheme ?? 'API key alone' },
  { name: 'Registered', by: (row) => row.created_at, cell: (row) => <Ago at={row.created_at} /> },
  { name: 'Deliveries', cell: (row) => <Link to={searchFor(['source', 'eq', row.name])}>in the log</Link> },
])

export default function SourcesView() {
  const query = useSources()
  const mayWrite = useMay('write')
  const [adding, setAdding] = useState(false)
  return (
    <section className="page">
      <header className="page-head">
        <h1>Sources</h1>
        {mayWrite && (
          <Button kind="primary" icon="plus" onClick={() => setAdding(true)}>
            Register a source
          </Button>
        )}
      </header>
      <p className="hint">
        A source is a catalog that posts in its own words and signs in its own way. Native events need none: they go to <code>/events</code>{' '}
        with an API key.
      </p>
      <Shown query={query}>
        {({ data }) =>
          data.length === 0 ? (
            <NothingHere title="No source is registered" text="Register the catalog that is to send events in its own words." />
          ) : (
            <Sources label="Sources" id={(row) => row.id} rows={data} />
          )
        }
      </Shown>
      {adding && <Add onClose={() => setAdding(false)} />}
    </section>
  )
}

type Made = z.infer<typeof SourceWithSecret>

function Add({ onClose }: { onClose(): void }) {
  const client = useQueryClient()
  const [, navigate] = useLocation()
  const choices = useChoices()
  const [adapter, setAdapter] = useState('openmetadata')
  const [settings, setSettings] = useState<Record<string, unknown>>({})
  const [error, setError] = useState<unknown>()
  const [made, setMade] = useState<Made>()
  const known = choices.data?.adapters.find(({ name }) => name === adapter)
  const leave = (name: string) => {
    onClose()
    navigate(`/sources/${encodeURIComponent(name)}`)
  }
  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault()
    const [name, secret] = textsOf(event.currentTarget, 'name', 'secret').map((text) => text.trim())
    try {
      const source = await post<Made>('/sources', {
        name,
        adapter,
        ...(Object.keys(settings).length > 0 && { settings }),
        ...(secret && { secret }),
      })
      await client.invalidateQueries({ queryKey: ['sources'] })
      if (source.secret) setMade(source)
      else leave(source.name)
    } catch (refused) {
      setError(refused)
    }
  }
  if (made?.secret)
    return (
      <SecretShown
        title="Source registered"
        text={made.secret}
        about="The secret that it signs with. Give it to the catalog."
        onClose={() => leave(made.name)}
      />
    )
  return (
    <Dialog title="Register a source" onClose={onClose}>
      <form className="form" onSubmit={(event) => void submit(event)}>
        <Field label="Name" hint="Part of its address; letters, digits, _ and -." problem={problemAt(error, 'name')}>
          {(props) => <input {...props} name="name" required autoFocus />}
        </Field>
        <Field label="Adapter" hint={known?.description} problem={problemAt(error, 'adapter')}>
          {(props) => (
            <select
              {...props}
              value={adapter}
              onChange={({ target }) => {
                setAdapter(target.value)
                setSettings({})
              }}
            >
              {choices.data?.adapters.map(({ name }) => (
                <option key={name}>{name}</option>
              ))}
            </select>
          )}
        </Field>
        {known?.scheme && (
          <Field
            label="Secret"
            hint={`It signs by the scheme ${known.scheme}. Left empty, a secret is made and shown once.`}
            problem={problemAt(error, 'secret')}
          >
            {(props) => <input {...props} name="secret" autoComplete="off" spellCheck={false} />}
          </Field>
        )}
        {known?.settings && (
          <SettingsFields key={adapter} schema={known.settings} settings={settings} error={error} onChange={setSettings} />
        )}
        {error !== undefined && (
          <div className="explain failed" role="alert">
            {(error as Error).message}
            <Reasons error={error} />
          </div>
        )}
        <div className="row end">
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="primary" type="submit">
            Register
          </Button>
        </div>
      </form>
    </Dialog>
  )
}
