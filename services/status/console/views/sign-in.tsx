import { useState, type FormEvent } from 'react'
import { Refused } from '../api.ts'
import { Button } from '../parts/button.tsx'
import { textsOf } from '../parts/texts.ts'

export function SignIn({ onKey }: { onKey(key: string): Promise<unknown> }) {
  const [problem, setProblem] = useState<unknown>()
  const [busy, setBusy] = useState(false)

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault()
    const [key = ''] = textsOf(event.currentTarget, 'key')
    setBusy(true)
    const refused = await onKey(key.trim())
    setProblem(refused)
    if (refused) setBusy(false)
  }
  return (
    <main className="sign-in">
      <form onSubmit={(event) => void submit(event)} className="card">
        <h1>
          <img src={new URL('../icon.svg', import.meta.url).href} alt="" width="28" height="28" /> Tidings
        </h1>
        <label>
          <span>API key</span>
          <input name="key" type="password" autoComplete="current-password" required autoFocus placeholder="tdk_…" spellCheck={false} />
        </label>
        {problem !== undefined && (
          <p className="problem" role="alert">
            {problem instanceof Refused && problem.status === 401
              ? 'This key is unknown, expired or removed.'
              : String((problem as Error).message)}
          </p>
        )}
        <Button kind="primary" type="submit" busy={busy}>
          Sign in
        </Button>
        <p className="hint">
          <code>npm start</code> prints the admin key at its first start and keeps it in <code>data/admin.key</code>. A key with the scope{' '}
          <code>read</code> is enough to look.
        </p>
      </form>
    </main>
  )
}
