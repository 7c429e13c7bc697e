import { useSyncExternalStore } from 'react'
import { clockTime, relative, whole } from '../words.ts'

let now = Date.now()
const listeners = new Set<() => void>()
let timer: ReturnType<typeof setInterval> | undefined
/** One clock for all times on the page. */
function subscribe(listener: () => void) {
  listeners.add(listener)
  timer ??= setInterval(() => {
    now = Date.now()
    for (const each of listeners) each()
  }, 1_000)
  return () => {
    listeners.delete(listener)
    if (listeners.size > 0 || timer === undefined) return
    clearInterval(timer)
    timer = undefined
  }
}
export const useNow = (): number => useSyncExternalStore(subscribe, () => now)

export function Ago({ at }: { at: string | null }) {
  const current = useNow()
  if (at === null) return <span className="faint">–</span>
  return (
    <time dateTime={at} title={whole(at)}>
      {relative(Date.parse(at), Math.max(current, Date.now()))}
    </time>
  )
}

export const At = ({ at }: { at: string }) => (
  <time dateTime={at} title={whole(at)} className="mono">
    {clockTime(at)}
  </time>
)
