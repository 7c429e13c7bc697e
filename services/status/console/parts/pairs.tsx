import { Fragment, type ReactNode } from 'react'

/** Names and what they stand for; a row without a value is left out. */
export const Pairs = ({ rows, className = '' }: { rows: [string, ReactNode][]; className?: string }) => (
  <dl className={`pairs ${className}`}>
    {rows.map(([name, value]) =>
      value === undefined || value === null || value === false || value === '' ? null : (
        <Fragment key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </Fragment>
      ),
    )}
  </dl>
)

export const Headers = ({ headers }: { headers: Record<string, string> }) =>
  Object.keys(headers).length === 0 ? (
    <p className="hint">None.</p>
  ) : (
    <Pairs className="headers" rows={Object.entries(headers).map(([name, value]) => [name, value || '""'])} />
  )
