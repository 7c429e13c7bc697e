import { useSyncExternalStore } from 'react'
import { Icon } from './icon.tsx'

type Toast = { id: number; text: string; kind: 'done' | 'failed' }
let toasts: Toast[] = []
let lastId = 0
const listeners = new Set<() => void>()
const shownMs = 6_000

function change(next: Toast[]) {
  toasts = next
  for (const listener of listeners) listener()
}
const dismiss = (id: number) => change(toasts.filter((toast) => toast.id !== id))

/** A word about what was done; read out too. What failed stays until it is closed. */
export function say(text: string, kind: Toast['kind'] = 'done'): void {
  const id = ++lastId
  change([...toasts.slice(-3), { id, text, kind }])
  if (kind === 'done') setTimeout(() => dismiss(id), shownMs)
}
export const sayFailed = (error: unknown): void => say(error instanceof Error ? error.message : String(error), 'failed')

const subscribe = (listener: () => void) => {
  listeners.add(listener)
  return () => void listeners.delete(listener)
}

export function Toasts() {
  const shown = useSyncExternalStore(subscribe, () => toasts)
  return (
    <div className="toasts" role="status" aria-live="polite">
      {shown.map(({ id, text, kind }) => (
        <div key={id} className={`toast ${kind}`}>
          <Icon name={kind === 'done' ? 'check' : 'warn'} />
          <span>{text}</span>
          <button type="button" className="bare" aria-label="Close" onClick={() => dismiss(id)}>
            <Icon name="close" />
          </button>
        </div>
      ))}
    </div>
  )
}
