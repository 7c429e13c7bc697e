import { diff, type Delta } from 'jsondiffpatch'
import type { z } from 'zod'
import type { Change } from '../../../../shared/contracts/event.ts'

type Changes = z.infer<typeof Change>
const kinds = ['added', 'updated', 'deleted'] as const

/** A change field by field; where a value has parts, only the parts that differ. */
export const Diff = ({ change }: { change: Changes }) => (
  <table className="diff">
    <thead>
      <tr>
        <th>Field</th>
        <th>Before</th>
        <th>After</th>
      </tr>
    </thead>
    <tbody>
      {kinds.flatMap((kind) =>
        (change[kind] ?? []).map((field, i) => (
          <Field key={`${kind} ${i} ${field.name}`} kind={kind} name={field.name} before={field.old_value} after={field.new_value} />
        )),
      )}
    </tbody>
  </table>
)

/** What differs between two records, member by member. */
export function Differences({ before, after }: { before: unknown; after: unknown }) {
  const parts = partsOf(diff(before ?? {}, after ?? {}), '')
  if (parts.length === 0) return <p className="hint">Nothing that is shown differs.</p>
  return (
    <table className="diff">
      <tbody>
        {parts.map((part) => (
          <tr key={part.path}>
            <th scope="row" className="break">
              {part.path}
            </th>
            <Values before={part.before} after={part.after} />
          </tr>
        ))}
      </tbody>
    </table>
  )
}

type FieldProps = { kind: (typeof kinds)[number]; name: string; before: unknown; after: unknown }

function Field({ kind, name, before, after }: FieldProps) {
  const parts = kind === 'updated' ? partsOf(diff(structured(before), structured(after)), '') : []
  const isDeep = parts.length > 0 && parts[0]?.path !== ''
  return (
    <>
      <tr className={kind}>
        <th scope="row">
          <span className="mark">{{ added: '+', updated: '~', deleted: '−' }[kind]}</span> <span className="break">{name}</span>
        </th>
        {isDeep ? (
          <td colSpan={2} className="faint">
            {parts.length} of its parts
          </td>
        ) : (
          <Values before={before} after={after} />
        )}
      </tr>
      {isDeep &&
        parts.map((part) => (
          <tr key={part.path} className="part">
            <th scope="row" className="break">
              {part.path}
            </th>
            <Values before={part.before} after={part.after} />
          </tr>
        ))}
    </>
  )
}

const Values = ({ before, after }: { before: unknown; after: unknown }) => (
  <>
    <td className="before">{before !== undefined && <pre>{textOf(before)}</pre>}</td>
    <td className="after">{after !== undefined && <pre>{textOf(after)}</pre>}</td>
  </>
)
const textOf = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value, null, 2))

/** Some catalogs send values as JSON within a text. */
function structured(value: unknown): unknown {
  if (typeof value !== 'string' || !/^\s*[[{]/.test(value)) return value
  try {
    return JSON.parse(value) as unknown
  } catch {
    return value
  }
}

type Part = { path: string; before: unknown; after: unknown }

/** The form of a delta of jsondiffpatch: `[new]`, `[old, new]`, `[old, 0, 0]`, or members that have deltas of their own. */
function partsOf(delta: Delta, path: string): Part[] {
  if (delta === undefined) return []
  if (Array.isArray(delta)) {
    if (delta.length === 1) return [{ path, before: undefined, after: delta[0] }]
    if (delta.length === 2) return [{ path, before: delta[0], after: delta[1] }]
    return delta[2] === 0 ? [{ path, before: delta[0], after: undefined }] : []
  }
  return Object.entries(delta).flatMap(([name, inner]) =>
    name === '_t' ? [] : partsOf(inner as Delta, path ? `${path}.${name.replace(/^_/, '')}` : name.replace(/^_(?=\d)/, '')),
  )
}
