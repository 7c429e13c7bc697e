import { useState, type FormEvent } from 'react'
import { Button } from '../parts/button.tsx'

export function SignIn({ onKey }: { onKey(key: string): Promise<string | undefined> }) {
  const [problem, setProblem] = useState<string>()
  const [busy, setBusy] = useState(false)

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault()
    const given = new FormData(event.currentTarget).get('key')
    const key = typeof given === 'string' ? given.trim() : ''
    setBusy(true)
    setProblem(await onKey(key))
    setBusy(false)
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
        {problem && (
          <p className="problem" role="alert">
            {problem}
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
