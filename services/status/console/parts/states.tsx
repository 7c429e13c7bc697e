import type { UseQueryResult } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { Refused } from '../api.ts'
import { Button } from './button.tsx'

export const Loading = ({ what = 'Loading' }: { what?: string }) => (
  <div className="state loading" role="status">
    <span className="spinner" aria-hidden="true" />
    {what} …
  </div>
)

export const NothingHere = ({ title, text, children }: { title: string; text?: ReactNode; children?: ReactNode }) => (
  <div className="state">
    <h2>{title}</h2>
    {text && <p>{text}</p>}
    {children}
  </div>
)

/** What went wrong, in the words of the service, with each field that it names. */
export function Failed({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  const problem = error instanceof Refused ? error.problem : undefined
  return (
    <div className="state failed" role="alert">
      <h2>{problem?.status === 404 ? 'It is not here' : (problem?.title ?? 'Something failed')}</h2>
      <p>{error instanceof Error ? error.message : String(error)}</p>
      <Reasons error={error} />
      {problem?.request_id && (
        <p className="faint">
          request <code>{problem.request_id}</code>
        </p>
      )}
      {onRetry && (
        <Button icon="again" onClick={onRetry}>
          Try again
        </Button>
      )}
    </div>
  )
}

export function Reasons({ error, known = [] }: { error: unknown; known?: string[] }) {
  const errors = error instanceof Refused ? (error.problem.errors ?? []).filter(({ field }) => !known.includes(field)) : []
  if (errors.length === 0) return null
  return (
    <ul className="reasons">
      {errors.map(({ field, message }) => (
        <li key={field + message}>
          {field && <code>{field}</code>} {message}
        </li>
      ))}
    </ul>
  )
}

/** The three things that a query can be, in one place. */
export function Shown<T>({ query, children }: { query: UseQueryResult<T>; children(data: T): ReactNode }) {
  if (query.data !== undefined) return children(query.data)
  if (query.error) return <Failed error={query.error} onRetry={() => void query.refetch()} />
  return <Loading />
}
