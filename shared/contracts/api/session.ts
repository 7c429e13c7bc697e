import { z } from 'zod'
import { Scope } from './key.ts'
import { time } from './list.ts'

export const SignInInput = z
  .strictObject({ key: z.string().min(1).max(200).describe('An API key with the scope `read`, `write` or `admin`.') })
  .meta({ id: 'SignInInput', example: { key: 'tdk_…' } })

export const Session = z
  .object({
    organization: z.string().describe('The organization that is seen.'),
    key: z
      .object({ id: z.string(), label: z.string(), scopes: z.array(Scope) })
      .describe('The key that is used, or that the browser was signed in with.'),
    expires_at: time('When the sign-in ends, unless it is used before; null with an API key.').nullable(),
  })
  .meta({ id: 'Session' })
export type Session = z.infer<typeof Session>

export const SignInLink = z
  .object({
    path: z.string().describe('To be opened in a browser at the address of this service. Whoever opens it is signed in, once.'),
    expires_at: time('When it stops working.'),
  })
  .meta({ id: 'SignInLink' })
