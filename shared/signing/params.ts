import { z } from 'zod'

/** A header's name (RFC 9110 §5.1), taken in any case and kept in lower case, as requests are handed to a scheme. */
export const HeaderName = z
  .string()
  .max(100)
  .regex(/^[A-Za-z0-9][A-Za-z0-9-]*$/, 'must be letters, digits and `-`')
  .transform((name) => name.toLowerCase())
