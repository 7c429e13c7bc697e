import { useId, type ReactNode } from 'react'
import { Refused } from '../api.ts'
import { Prose } from './prose.tsx'

type Props = {
  label: string
  hint?: ReactNode
  problem?: string | undefined
  children(props: { id: string; 'aria-invalid'?: true; 'aria-describedby': string }): ReactNode
}

/** A control with its name, what it is for, and what is wrong with it. */
export function Field({ label, hint, problem, children }: Props) {
  const id = useId()
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {children({ id, 'aria-describedby': `${id}-about`, ...(problem && { 'aria-invalid': true }) })}
      <p id={`${id}-about`} className={problem ? 'problem' : 'hint'}>
        {problem ?? (typeof hint === 'string' ? <Prose text={hint} /> : hint)}
      </p>
    </div>
  )
}

/** What the service says about a member of what was sent. */
export const problemAt = (error: unknown, field: string): string | undefined =>
  error instanceof Refused
    ? error.problem.errors?.find((one) => one.field === field || one.field.startsWith(`${field}.`))?.message
    : undefined
