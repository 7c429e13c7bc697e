import type { Choices } from '../../../../shared/contracts/api/choices.ts'
import type { Draft } from '../draft.ts'
import { Button } from '../parts/button.tsx'
import { Field, problemAt } from '../parts/field.tsx'
import { SettingsFields } from './settings-fields.tsx'

type Props = { draft: Draft; choices: Choices; error: unknown; isNew: boolean; onChange(members: Partial<Draft>): void }

export function WebhookFields({ draft, choices, error, isNew, onChange }: Props) {
  const format = choices.formats.find(({ name }) => name === draft.format)
  const scheme = choices.schemes.find(({ name }) => name === draft.scheme)
  return (
    <>
      <Field
        label="Address"
        problem={problemAt(error, 'url')}
        hint="https: or http:, and no private address unless the operator allows it."
      >
        {(props) => (
          <input
            {...props}
            type="url"
            required
            autoFocus={isNew}
            value={draft.url}
            placeholder="https://example.com/hooks/tidings"
            onChange={({ target }) => onChange({ url: target.value })}
          />
        )}
      </Field>
      <Field label="Label" problem={problemAt(error, 'label')} hint="A name for people.">
        {(props) => <input {...props} maxLength={256} value={draft.label} onChange={({ target }) => onChange({ label: target.value })} />}
      </Field>
      <div className="fields">
        <Field
          label="Format"
          problem={problemAt(error, 'format')}
          hint={format?.description ?? 'As the address calls for: Slack, Teams, Google Chat, PagerDuty; else tidings.'}
        >
          {(props) => (
            <select {...props} value={draft.format} onChange={({ target }) => onChange({ format: target.value, settings: {} })}>
              {isNew && <option value="">by the address</option>}
              {choices.formats.map(({ name }) => (
                <option key={name}>{name}</option>
              ))}
            </select>
          )}
        </Field>
        <Field label="Signed by" problem={problemAt(error, 'scheme')} hint={scheme?.description}>
          {(props) => (
            <select {...props} value={draft.scheme} onChange={({ target }) => onChange({ scheme: target.value })}>
              {choices.schemes
                .filter((one) => one.for_webhooks)
                .map(({ name }) => (
                  <option key={name}>{name}</option>
                ))}
            </select>
          )}
        </Field>
      </div>
      {format?.settings && (
        <SettingsFields
          key={format.name}
          schema={format.settings}
          settings={draft.settings}
          error={error}
          onChange={(settings) => onChange({ settings })}
        />
      )}
      <details>
        <summary>Secret, headers, retries, limits</summary>
        <div className="form">
          <Field
            label={isNew ? 'Secret of your own' : 'Another secret'}
            problem={problemAt(error, 'secret')}
            hint={
              isNew
                ? 'Left empty, one is made and shown once.'
                : 'Replaces every secret at once; to let the old one sign for a while, rotate instead.'
            }
          >
            {(props) => (
              <input
                {...props}
                autoComplete="off"
                spellCheck={false}
                value={draft.secret}
                onChange={({ target }) => onChange({ secret: target.value })}
              />
            )}
          </Field>
          <Headers draft={draft} error={error} onChange={onChange} />
          <Numbers draft={draft} error={error} onChange={onChange} />
        </div>
      </details>
    </>
  )
}

type Part = Pick<Props, 'draft' | 'error' | 'onChange'>

function Headers({ draft: { headers }, error, onChange }: Part) {
  const set = (i: number, members: Partial<{ name: string; value: string }>) =>
    onChange({ headers: headers.map((one, j) => (i === j ? { ...one, ...members } : one)) })
  return (
    <fieldset className="rows">
      <legend>Headers sent with each request</legend>
      {headers.map((header, i) => (
        <div key={i} className="row">
          <input
            aria-label="Name of the header"
            value={header.name}
            placeholder="authorization"
            onChange={({ target }) => set(i, { name: target.value })}
          />
          <input
            aria-label="Value of the header"
            className="grow"
            value={header.value}
            onChange={({ target }) => set(i, { value: target.value })}
          />
          <Button onClick={() => onChange({ headers: headers.filter((_, j) => j !== i) })}>Remove</Button>
        </div>
      ))}
      {problemAt(error, 'headers') && <p className="problem">{problemAt(error, 'headers')}</p>}
      <div>
        <Button icon="plus" onClick={() => onChange({ headers: [...headers, { name: '', value: '' }] })}>
          Header
        </Button>
      </div>
    </fieldset>
  )
}

type NumberField = {
  member: 'timeoutSeconds' | 'attempts' | 'batchSize' | 'maxInFlight' | 'rateLimit'
  label: string
  field: string
  hint: string
}
const numbers: NumberField[] = [
  { member: 'attempts', label: 'Attempts', field: 'retry', hint: 'Requests in all, the first included.' },
  { member: 'timeoutSeconds', label: 'Timeout', field: 'timeout_ms', hint: 'Seconds for one request, 1 to 30.' },
  { member: 'batchSize', label: 'Events in a request', field: 'batch_size', hint: 'At most; 1 to 100.' },
  { member: 'maxInFlight', label: 'Requests at once', field: 'max_in_flight', hint: 'Empty: a fair share.' },
  { member: 'rateLimit', label: 'Requests a second', field: 'rate_limit', hint: 'Empty: no limit.' },
]

const Numbers = ({ draft, error, onChange }: Part) => (
  <div className="fields small">
    {numbers.map(({ member, label, field, hint }) => (
      <Field key={member} label={label} problem={problemAt(error, field)} hint={hint}>
        {(props) => (
          <input {...props} inputMode="decimal" value={draft[member]} onChange={({ target }) => onChange({ [member]: target.value })} />
        )}
      </Field>
    ))}
    <Field label="Order" problem={problemAt(error, 'order')} hint="Whether a failed one holds back those after it.">
      {(props) => (
        <select {...props} value={draft.order} onChange={({ target }) => onChange({ order: target.value })}>
          <option value="">as fast as possible</option>
          <option value="entity">in order for each entity</option>
          <option value="webhook">all in order</option>
        </select>
      )}
    </Field>
  </div>
)
