import { z } from 'zod'
import { time } from './list.ts'

export const SignatureCheck = z
  .object({
    scheme: z.string().describe("The webhook's scheme of today."),
    description: z.string().describe('What is signed, and in which headers.'),
    result: z
      .enum(['verifies', 'fails', 'unsigned', 'unknown'])
      .describe('`unsigned`: the scheme sends no signature · `unknown`: the request or its body cannot be shown any more.'),
    reason: z.string().nullable().describe('Why it fails, or is unknown, in words.'),
    headers: z.record(z.string(), z.string()).describe('The headers that carry the signature, as they were sent.'),
    signed_at: time('When the request was signed.'),
    secrets: z
      .array(
        z.object({
          created_at: time('When the secret was made.'),
          expires_at: time('Until when it signs; null: until it is replaced.').nullable(),
          verifies: z.boolean(),
          reason: z.string().nullable(),
        }),
      )
      .describe('Each secret in force today, newest first, and whether the request verifies with it alone.'),
  })
  .meta({ id: 'SignatureCheck' })
export type SignatureCheck = z.infer<typeof SignatureCheck>

export const AttemptParams = z.object({
  id: z.string().describe('Id of the delivery.'),
  attemptId: z.string().describe('Id of the attempt.'),
})
