import { z } from 'zod'

const reservedHeader =
  /^(host|content-.*|transfer-encoding|connection|upgrade|expect|te|trailer|cookie|webhook-.*|svix-.*|keep-alive|proxy-.*|user-agent|accept-encoding|ce-.*)$/

/** RFC 9110 §5.6.2 `token`; lower case, as two spellings of one name would be sent as two headers. */
const HeaderName = z
  .string()
  .max(100)
  .regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/, "must be a header name: letters, digits and !#$%&'*+.^_`|~-")
  .transform((name) => name.toLowerCase())
  .refine((name) => !reservedHeader.test(name), 'is a header that Tidings or the connection itself sets')

const HeaderValue = z
  .string()
  .max(4096)
  .regex(/^([!-~]([ -~]*[!-~])?)?$/, 'must be printable ASCII, without spaces at its ends')

export const CustomHeaders = z
  .record(HeaderName, HeaderValue)
  .refine((headers) => Object.keys(headers).length <= 20, 'must be at most 20 headers')
  .describe(
    'Headers sent with each request, for example an `authorization` of the receiver. Printable ASCII. Not `host`, `content-*`, `transfer-encoding`, `connection`, `upgrade`, `expect`, `te`, `trailer`, `cookie`, `webhook-*`, `svix-*`, `keep-alive`, `proxy-*`, `user-agent`, `accept-encoding` or `ce-*`. Stored sealed, never shown again.',
  )
