import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import type { Attempt } from '../../../../shared/contracts/api/delivery.ts'
import type { SignatureCheck } from '../../../../shared/contracts/api/signature.ts'
import { get } from '../api.ts'
import { Icon } from '../parts/icon.tsx'
import { Headers } from '../parts/pairs.tsx'
import { Prose } from '../parts/prose.tsx'
import { Shown } from '../parts/states.tsx'
import { At } from '../parts/time.tsx'

const words: Record<SignatureCheck['result'], string> = {
  verifies: 'The signature verifies: what was sent is signed with a secret in force today.',
  fails: 'The signature does not verify with any secret in force today.',
  unsigned: 'This scheme sends no signature.',
  unknown: 'It cannot be checked any more.',
}

/** The check of a receiver, made again: which of secret, bytes and time is wrong where a receiver says that one is. */
export function Signature({ attempt, delivery }: { attempt: Attempt; delivery: { id: string } }) {
  const [open, setOpen] = useState(false)
  const query = useQuery({
    queryKey: ['signature', attempt.id],
    queryFn: ({ signal }) => get<SignatureCheck>(`/webhook-deliveries/${delivery.id}/attempts/${attempt.id}/signature`, signal),
    enabled: open,
  })
  return (
    <details className="signature" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>Check the signature</summary>
      {open && <Shown query={query}>{(check) => <Explained check={check} />}</Shown>}
    </details>
  )
}

const Explained = ({ check }: { check: SignatureCheck }) => (
  <div className="form">
    <p className={`explain ${check.result === 'fails' ? 'failed' : ''}`}>
      <Icon name={check.result === 'verifies' ? 'check' : 'warn'} /> {words[check.result]} {check.reason}
    </p>
    <p className="hint">
      <Prose text={check.description} /> Signed at <At at={check.signed_at} />; a receiver should refuse it some minutes later.
    </p>
    <Headers headers={check.headers} />
    <ul className="subscriptions">
      {check.secrets.map((secret) => (
        <li key={secret.created_at}>
          <Icon name={secret.verifies ? 'check' : 'close'} /> secret made <At at={secret.created_at} />
          {secret.expires_at && (
            <span className="faint">
              , signs until <At at={secret.expires_at} />
            </span>
          )}
          {secret.reason && <span className="faint">: {secret.reason}</span>}
        </li>
      ))}
    </ul>
    <p className="hint">
      Where a receiver refuses this: it may have another secret, verify a body that was parsed and written anew instead of the bytes that
      came, or have a clock that is wrong.
    </p>
  </div>
)
