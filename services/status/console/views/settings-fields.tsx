import { useState } from 'react'
import { Field, problemAt } from '../parts/field.tsx'

type Member = { type?: string | string[]; enum?: unknown[]; description?: string; default?: unknown; maxLength?: number }
type Props = {
  schema: Record<string, unknown>
  settings: Record<string, unknown>
  error: unknown
  onChange(settings: Record<string, unknown>): void
}

/** The settings that a format or an adapter has, by its own schema; what is no plain value is written in JSON. */
export function SettingsFields({ schema, settings, error, onChange }: Props) {
  const members = Object.entries((schema.properties ?? {}) as Record<string, Member>)
  const required = (schema.required ?? []) as string[]
  const set = (name: string, value: unknown) => {
    const { [name]: _, ...rest } = settings
    onChange(value === undefined ? rest : { ...rest, [name]: value })
  }
  if (members.length === 0) return null
  return (
    <fieldset className="rows">
      <legend>Settings</legend>
      {members.map(([name, member]) => (
        <Field
          key={name}
          label={`${name.replaceAll('_', ' ')}${required.includes(name) ? ' (needed)' : ''}`}
          hint={member.description}
          problem={problemAt(error, `format_settings.${name}`) ?? problemAt(error, `settings.${name}`)}
        >
          {(props) => <Control {...props} member={member} value={settings[name]} onChange={(value) => set(name, value)} />}
        </Field>
      ))}
    </fieldset>
  )
}

type ControlProps = {
  id: string
  'aria-invalid'?: true
  'aria-describedby': string
  member: Member
  value: unknown
  onChange(value: unknown): void
}

function Control({ member, value, onChange, ...props }: ControlProps) {
  if (member.enum)
    return (
      <select {...props} value={typeof value === 'string' ? value : ''} onChange={({ target }) => onChange(target.value || undefined)}>
        <option value="">{member.default === undefined ? '' : `${JSON.stringify(member.default)} (as it is by itself)`}</option>
        {member.enum.map((one) => (
          <option key={String(one)}>{String(one)}</option>
        ))}
      </select>
    )
  if (member.type === 'boolean')
    return (
      <input {...props} type="checkbox" checked={(value ?? member.default) === true} onChange={({ target }) => onChange(target.checked)} />
    )
  if (member.type === 'number' || member.type === 'integer')
    return (
      <input
        {...props}
        inputMode="numeric"
        value={typeof value === 'number' ? value : ''}
        onChange={({ target }) => onChange(target.value === '' ? undefined : Number(target.value))}
      />
    )
  if (member.type === 'string') return <Text {...props} value={value} long={(member.maxLength ?? 0) > 500} onChange={onChange} />
  return <Json {...props} value={value} onChange={onChange} />
}

type TextProps = Omit<ControlProps, 'member'> & { long?: boolean }

function Text({ value, long = false, onChange, ...props }: TextProps) {
  const text = typeof value === 'string' ? value : ''
  const change = (next: string) => onChange(next === '' ? undefined : next)
  return long ? (
    <textarea {...props} rows={6} className="mono" spellCheck={false} value={text} onChange={({ target }) => change(target.value)} />
  ) : (
    <input {...props} value={text} spellCheck={false} onChange={({ target }) => change(target.value)} />
  )
}

/** Kept as it is typed while it is no JSON yet. */
function Json({ value, onChange, ...props }: TextProps) {
  const [text, setText] = useState(value === undefined ? '' : JSON.stringify(value, null, 2))
  const change = (next: string) => {
    setText(next)
    try {
      onChange(next.trim() === '' ? undefined : JSON.parse(next))
    } catch {
      // half typed: sent as the text that it is, and refused with a reason
      onChange(next)
    }
  }
  return (
    <textarea
      {...props}
      rows={4}
      className="mono"
      spellCheck={false}
      placeholder="JSON"
      value={text}
      onChange={({ target }) => change(target.value)}
    />
  )
}
