import { createContext, useContext, useEffect, useMemo, useState, type ReactNode } from 'react'
import type { Session as SignedIn } from '../../../shared/contracts/api/session.ts'
import type { Scope } from './scopes.ts'
import { allows } from './scopes.ts'
import { get, post, Refused, remove, whenSignedOut } from './api.ts'
import { Failed, Loading } from './parts/states.tsx'
import { queryClient } from './queries.ts'
import { SignIn } from './views/sign-in.tsx'

type Session = { who: SignedIn; may(scope: Scope): boolean; signOut(): Promise<void> }
const SessionContext = createContext<Session | undefined>(undefined)

export function useSession(): Session {
  const session = useContext(SessionContext)
  if (!session) throw new Error('used outside of a session')
  return session
}
/** What the key may not do is not offered. */
export const useMay = (scope: Scope): boolean => useSession().may(scope)

const againMs = 2_000

type State = { kind: 'asking' } | { kind: 'out' } | { kind: 'in'; who: SignedIn } | { kind: 'failed'; error: unknown }

/** Shows the console to who is signed in, and the way in to everybody else. The cookie is out of reach of any script. */
export function SessionProvider({ children }: { children: ReactNode }) {
  const [state, setState] = useState<State>({ kind: 'asking' })
  const ask = () =>
    get<SignedIn>('/session').then(
      (who) => setState({ kind: 'in', who }),
      (error: unknown) => setState(error instanceof Refused && error.status === 401 ? { kind: 'out' } : { kind: 'failed', error }),
    )
  useEffect(() => {
    whenSignedOut(() => setState({ kind: 'out' }))
    void ask()
  }, [])

  // a service that is starting, or was away, is asked again until it answers
  useEffect(() => {
    if (state.kind !== 'failed') return
    const timer = setTimeout(() => void ask(), againMs)
    return () => clearTimeout(timer)
  }, [state])

  const session = useMemo(
    () =>
      state.kind === 'in'
        ? {
            who: state.who,
            may: (scope: Scope) => allows(state.who.key.scopes, scope),
            signOut: async () => {
              await remove('/session').catch(() => {})
              queryClient.clear()
              setState({ kind: 'out' })
            },
          }
        : undefined,
    [state],
  )
  async function signIn(key: string): Promise<unknown> {
    try {
      const who = await post<SignedIn>('/session', { key })
      queryClient.clear()
      setState({ kind: 'in', who })
      return undefined
    } catch (error) {
      return error
    }
  }
  if (session) return <SessionContext.Provider value={session}>{children}</SessionContext.Provider>
  if (state.kind === 'out') return <SignIn onKey={signIn} />
  if (state.kind === 'failed') return <Failed error={state.error} onRetry={() => void ask()} />
  return <Loading />
}
