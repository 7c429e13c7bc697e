import type { ReactNode } from 'react'

const tones: Record<string, string> = {
  succeeded: 'good',
  active: 'good',
  finished: 'good',
  failed: 'bad',
  rejected: 'bad',
  timed_out: 'bad',
  unreachable: 'bad',
  blocked: 'bad',
  disabled: 'off',
  failing: 'bad',
  retrying: 'wait',
  interrupted: 'wait',
  running: 'wait',
  pending: 'new',
  cancelled: 'off',
  stopped: 'off',
}

/** A state as a word with a dot: the word alone says it to who sees no colour. */
export const Badge = ({ state, children }: { state: string; children?: ReactNode }) => (
  <span className={`badge ${tones[state] ?? 'off'}`}>{children ?? state.replaceAll('_', ' ')}</span>
)

export const Code = ({ code }: { code: number | null }) =>
  code === null ? <span className="faint">–</span> : <span className={`code c${Math.floor(code / 100)}`}>{code}</span>
