import { useQueryClient } from '@tanstack/react-query'
import { useState, type FormEvent } from 'react'
import { Link, useLocation } from 'wouter'
import type { z } from 'zod'
import type { Choices } from '../../../../shared/contracts/api/choices.ts'
import type { Webhook, WebhookWithSecret } from '../../../../shared/contracts/api/webhook.ts'
import { patch, post, put } from '../api.ts'
import { bodyOf, draftOf, emptyDraft, subscriptionsOf, type Draft } from '../draft.ts'
import { Button } from '../parts/button.tsx'
import { Reasons, Shown } from '../parts/states.tsx'
import { SecretShown } from '../parts/secret.tsx'
import { say } from '../parts/toasts.tsx'
import { useChoices, useSubscriptions, useWebhook } from '../queries.ts'
import { PreviewPane } from './preview-pane.tsx'
import { SubscriptionsEditor } from './subscriptions-editor.tsx'
import { WebhookFields } from './webhook-fields.tsx'

export default function WebhookForm({ id }: { id?: string }) {
  const choices = useChoices()
  return (
    <section className="page">
      <Shown query={choices}>
        {(known) => (id === undefined ? <Form choices={known} before={emptyDraft()} /> : <Edit id={id} choices={known} />)}
      </Shown>
    </section>
  )
}

function Edit({ id, choices }: { id: string; choices: Choices }) {
  const webhook = useWebhook(id)
  const subscriptions = useSubscriptions(id)
  return (
    <Shown query={webhook}>
      {(found) => (
        <Shown query={subscriptions}>
          {({ data }) => <Form key={id} choices={choices} webhook={found} before={draftOf(found, data)} />}
        </Shown>
      )}
    </Shown>
  )
}

type Made = z.infer<typeof WebhookWithSecret>
type Props = { choices: Choices; before: Draft; webhook?: Webhook }

function Form({ choices, before: given, webhook }: Props) {
  const client = useQueryClient()
  const [, navigate] = useLocation()
  // what it was when the form was opened: what others change meanwhile is not undone
  const [before] = useState(given)
  const [draft, setDraft] = useState(before)
  const [error, setError] = useState<unknown>()
  const [busy, setBusy] = useState(false)
  const [made, setMade] = useState<Made>()
  const change = (members: Partial<Draft>) => setDraft((now) => ({ ...now, ...members }))

  async function save(): Promise<void> {
    if (webhook) {
      const changes = bodyOf(draft, before)
      if (Object.keys(changes).length > 0) await patch(`/webhooks/${webhook.id}`, changes)
      await put(`/webhooks/${webhook.id}/subscriptions`, subscriptionsOf(draft))
      say('Saved.')
      return leave(webhook.id)
    }
    const created = await post<Made>('/webhooks', bodyOf(draft))
    setMade(created)
    await put(`/webhooks/${created.id}/subscriptions`, subscriptionsOf(draft))
  }
  async function leave(id: string) {
    await Promise.all(['webhooks', 'webhook', 'subscriptions'].map((name) => client.invalidateQueries({ queryKey: [name] })))
    navigate(`/webhooks/${id}`)
  }
  async function submit(event: FormEvent) {
    event.preventDefault()
    setBusy(true)
    setError(undefined)
    await save().catch(setError)
    setBusy(false)
  }
  return (
    <>
      <header className="page-head">
        <div className="titles">
          <p className="crumbs">
            <Link to="/webhooks">Webhooks</Link>
          </p>
          <h1>{webhook ? `Edit ${webhook.label ?? webhook.url}` : 'New webhook'}</h1>
        </div>
      </header>
      <form className="form-and-preview" onSubmit={(event) => void submit(event)}>
        <div className="form">
          <WebhookFields draft={draft} choices={choices} error={error} isNew={!webhook} onChange={change} />
          <SubscriptionsEditor subscriptions={draft.subscriptions} onChange={(subscriptions) => change({ subscriptions })} />
          {error !== undefined && (
            <div className="explain failed" role="alert">
              <p>{(error as Error).message}</p>
              <Reasons error={error} />
            </div>
          )}
          <div className="row end">
            <Link to={webhook ? `/webhooks/${webhook.id}` : '/webhooks'} className="button plain">
              Cancel
            </Link>
            <Button kind="primary" type="submit" busy={busy}>
              {webhook ? 'Save' : 'Create webhook'}
            </Button>
          </div>
        </div>
        <PreviewPane draft={draft} webhookId={webhook?.id} />
      </form>
      {made && (
        <SecretShown
          title="Webhook created"
          text={made.secret}
          about="The signing secret. Put it where the receiver verifies signatures."
          onClose={() => void leave(made.id)}
        />
      )}
    </>
  )
}
