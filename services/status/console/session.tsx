import { createContext, useContext, useEffect, useMemo, useState, type ReactNode } from 'react'
import { get, Refused, useApiKey, whenSignedOut } from './api.ts'
import { queryClient } from './queries.ts'
import { SignIn } from './views/sign-in.tsx'

type Session = { signOut(): void }
const SessionContext = createContext<Session>({ signOut: () => {} })
export const useSession = (): Session => useContext(SessionContext)

/** Shows the console to who is signed in, and the way in to everybody else. */
export function SessionProvider({ children }: { children: ReactNode }) {
  const [state, setState] = useState<'in' | 'out'>('out')
  useEffect(() => whenSignedOut(() => setState('out')), [])

  const session = useMemo(
    () => ({
      signOut: () => {
        useApiKey(undefined)
        queryClient.clear()
        setState('out')
      },
    }),
    [],
  )
  async function signIn(key: string): Promise<string | undefined> {
    useApiKey(key)
    try {
      await get('/webhooks?limit=1')
      setState('in')
      return undefined
    } catch (error) {
      useApiKey(undefined)
      return error instanceof Refused ? error.message : String(error)
    }
  }
  if (state === 'out') return <SignIn onKey={signIn} />
  return <SessionContext.Provider value={session}>{children}</SessionContext.Provider>
}
