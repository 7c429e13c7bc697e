import { useId, useState, type FormEvent } from 'react'
import type { DeliveryField } from '../../../../shared/contracts/api/fields.ts'
import type { FilterOp } from '../../../../shared/contracts/filter.ts'
import { Button } from '../parts/button.tsx'
import { Icon } from '../parts/icon.tsx'
import { useWebhooks } from '../queries.ts'
import { filterOf, fieldNames, listOf, opWord, operatorsOf, specOf, type Search, type Where } from '../where.ts'

type Props = { search: Search; onChange(search: Search): void }

/** Lines of conditions, each over any field of the log; or the filter itself in JSON. */
export function FilterBuilder({ search, onChange }: Props) {
  const [editing, setEditing] = useState<number | 'new'>()
  const change = (where: Where[]) => {
    setEditing(undefined)
    onChange({ ...search, where })
  }
  if (search.raw !== undefined) return <RawFilter search={search} onChange={onChange} />
  return (
    <div className="filter">
      <div className="chips">
        <Quick search={search} onChange={onChange} />
        {search.where.map((one, i) => (
          <Chip
            key={`${one.field}${one.op}${one.value}`}
            where={one}
            onEdit={() => setEditing(i)}
            onRemove={() => change(search.where.filter((_, j) => j !== i))}
          />
        ))}
        <Button icon="plus" data-search onClick={() => setEditing('new')}>
          Filter
        </Button>
        {search.where.length > 1 && (
          <select
            aria-label="How the conditions are joined"
            value={search.match}
            onChange={({ target }) => onChange({ ...search, match: target.value === 'any' ? 'any' : 'all' })}
          >
            <option value="all">all hold</option>
            <option value="any">any holds</option>
          </select>
        )}
        {search.where.length > 0 && (
          <button type="button" className="link" onClick={() => change([])}>
            Clear
          </button>
        )}
        <button
          type="button"
          className="link"
          onClick={() => onChange({ ...search, raw: JSON.stringify(filterOf(search, Date.now()) ?? {}, null, 2) })}
        >
          As JSON
        </button>
      </div>
      {editing !== undefined && (
        <Editor
          key={editing}
          where={editing === 'new' ? undefined : search.where[editing]}
          onDone={(one) => change(editing === 'new' ? [...search.where, one] : search.where.map((old, i) => (i === editing ? one : old)))}
          onCancel={() => setEditing(undefined)}
        />
      )}
    </div>
  )
}

const quickStates: [string, string][] = [
  ['All', ''],
  ['Failed', 'failed'],
  ['Retrying', 'retrying'],
  ['Pending', 'pending'],
  ['Succeeded', 'succeeded'],
  ['Cancelled', 'cancelled'],
]

function Quick({ search, onChange }: Props) {
  const at = search.where.findIndex(({ field, op }) => field === 'status' && (op === 'eq' || op === 'in'))
  const chosen = at < 0 ? '' : search.where[at]?.value
  const others = search.where.filter((_, i) => i !== at)
  return (
    <div className="segments" role="group" aria-label="Status">
      {quickStates.map(([name, value]) => (
        <button
          key={name}
          type="button"
          aria-pressed={chosen === value}
          onClick={() => onChange({ ...search, where: value ? [{ field: 'status', op: 'in', value }, ...others] : others })}
        >
          {name}
        </button>
      ))}
    </div>
  )
}

function Chip({ where, onEdit, onRemove }: { where: Where; onEdit(): void; onRemove(): void }) {
  const { data } = useWebhooks()
  const { field, op, value } = where
  const shown =
    field === 'webhook_id'
      ? listOf(value)
          .map((id) => data?.data.find((one) => one.id === id)?.label ?? id)
          .join(', ')
      : value
  const text = op === 'is_null' ? `${field} ${value === 'false' ? 'is not empty' : 'is empty'}` : `${field} ${opWord(field, op)} ${shown}`
  return (
    <span className="chip">
      <button type="button" onClick={onEdit} title={`Change: ${text}`}>
        {text}
      </button>
      <button type="button" className="bare" onClick={onRemove} aria-label={`Remove: ${text}`}>
        <Icon name="close" />
      </button>
    </span>
  )
}

function Editor({ where, onDone, onCancel }: { where: Where | undefined; onDone(where: Where): void; onCancel(): void }) {
  const [field, setField] = useState<DeliveryField>(where?.field ?? 'status')
  const [op, setOp] = useState<FilterOp>(where?.op ?? 'in')
  const [value, setValue] = useState(where?.value ?? '')
  const operators = operatorsOf(field)

  function chooseField(name: string) {
    const next = fieldNames.find((one) => one === name) ?? 'status'
    setField(next)
    if (!operatorsOf(next).includes(op)) setOp(operatorsOf(next)[0] ?? 'eq')
    setValue('')
  }
  function submit(event: FormEvent) {
    event.preventDefault()
    onDone({ field, op, value: op === 'is_null' ? (value === 'false' ? 'false' : 'true') : value })
  }
  return (
    <form
      className="editor"
      onSubmit={submit}
      onKeyDown={(event) => {
        if (event.key === 'Escape') onCancel()
      }}
    >
      <select aria-label="Field" autoFocus value={field} onChange={({ target }) => chooseField(target.value)}>
        {fieldNames.map((name) => (
          <option key={name} value={name}>
            {name.replaceAll('_', ' ')}
          </option>
        ))}
      </select>
      <select aria-label="Operator" value={op} onChange={({ target }) => setOp(operators.find((one) => one === target.value) ?? 'eq')}>
        {operators.map((one) => (
          <option key={one} value={one}>
            {opWord(field, one)}
          </option>
        ))}
      </select>
      <Value field={field} op={op} value={value} onChange={setValue} />
      <Button kind="primary" type="submit">
        Apply
      </Button>
      <Button onClick={onCancel}>Cancel</Button>
      <p className="hint">{specOf(field).about}</p>
    </form>
  )
}

function Value({ field, op, value, onChange }: { field: DeliveryField; op: FilterOp; value: string; onChange(value: string): void }) {
  const { data } = useWebhooks()
  const listId = useId()
  const { kind, values } = specOf(field)
  const choices =
    field === 'webhook_id' ? data?.data.map(({ id, label, url }) => [id, label ?? url] as const) : values?.map((one) => [one, one] as const)
  if (op === 'is_null') {
    return (
      <select aria-label="Value" value={value === 'false' ? 'false' : 'true'} onChange={({ target }) => onChange(target.value)}>
        <option value="true">yes</option>
        <option value="false">no</option>
      </select>
    )
  }
  if (choices && (op === 'in' || op === 'not_in')) return <Checks choices={choices} value={value} onChange={onChange} />
  const placeholder = kind === 'time' ? '-24h, -15m, or 2026-04-15T09:00' : op === 'in' || op === 'not_in' ? 'a, b, c' : 'value'
  return (
    <>
      <input
        aria-label="Value"
        value={value}
        required
        list={choices && listId}
        placeholder={placeholder}
        inputMode={kind === 'number' ? 'numeric' : 'text'}
        onChange={({ target }) => onChange(target.value)}
      />
      {choices && (
        <datalist id={listId}>
          {choices.map(([one, name]) => (
            <option key={one} value={one}>
              {name}
            </option>
          ))}
        </datalist>
      )}
    </>
  )
}

function Checks({ choices, value, onChange }: { choices: (readonly [string, string])[]; value: string; onChange(value: string): void }) {
  const chosen = listOf(value)
  const toggle = (one: string) => onChange((chosen.includes(one) ? chosen.filter((other) => other !== one) : [...chosen, one]).join(','))
  return (
    <fieldset className="checks">
      <legend className="sr">Values</legend>
      {choices.map(([one, name]) => (
        <label key={one}>
          <input type="checkbox" checked={chosen.includes(one)} onChange={() => toggle(one)} /> <span>{name}</span>
        </label>
      ))}
    </fieldset>
  )
}

function RawFilter({ search, onChange }: Props) {
  const [text, setText] = useState(search.raw ?? '')
  const [problem, setProblem] = useState<string>()
  function submit(event: FormEvent) {
    event.preventDefault()
    try {
      JSON.parse(text)
      setProblem(undefined)
      onChange({ ...search, raw: text })
    } catch (error) {
      setProblem((error as Error).message)
    }
  }
  return (
    <form className="filter raw" onSubmit={submit}>
      <label>
        <span>
          Filter in JSON; conditions nest in <code>and</code> and <code>or</code>
        </span>
        <textarea rows={8} value={text} spellCheck={false} className="mono" data-search onChange={({ target }) => setText(target.value)} />
      </label>
      {problem && (
        <p className="problem" role="alert">
          {problem}
        </p>
      )}
      <div className="row">
        <Button kind="primary" type="submit">
          Apply
        </Button>
        <Button onClick={() => onChange({ ...search, raw: undefined })}>Back to lines</Button>
        <a href="/docs#/Deliveries" target="_blank" rel="noopener noreferrer">
          Fields and operators
        </a>
      </div>
    </form>
  )
}
