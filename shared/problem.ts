/** A refusal shown to an API client (RFC 9457). The only kind of error whose text leaves the process. */
export type FieldError = { field: string; message: string }

export const problemKinds = {
  malformed: { status: 400, title: 'The request cannot be read' },
  unauthenticated: { status: 401, title: 'No valid API key' },
  bad_signature: { status: 401, title: 'The signature does not verify' },
  forbidden: { status: 403, title: 'Not allowed' },
  not_found: { status: 404, title: 'Not found' },
  method_not_allowed: { status: 405, title: 'Method not allowed' },
  conflict: { status: 409, title: 'Conflict with what is stored' },
  too_large: { status: 413, title: 'Too large' },
  unsupported_media_type: { status: 415, title: 'Content type not understood' },
  invalid: { status: 422, title: 'Values that are not allowed' },
  rate_limited: { status: 429, title: 'Too many requests' },
  fault: { status: 500, title: 'Something broke on our side' },
  unavailable: { status: 503, title: 'Not able to take this now' },
} as const
export type ProblemCode = keyof typeof problemKinds

export class Problem extends Error {
  readonly code: ProblemCode
  readonly errors: FieldError[] | undefined
  /** Sent as `Retry-After`, seconds. */
  readonly retryAfterSeconds: number | undefined
  /** Sent as `Allow`: the methods that the path takes. */
  readonly allow: string | undefined
  /** Sent as they are. */
  readonly headers: Record<string, string> | undefined

  constructor(
    code: ProblemCode,
    detail: string,
    more: { errors?: FieldError[]; retryAfterSeconds?: number; allow?: string; headers?: Record<string, string>; cause?: unknown } = {},
  ) {
    // A refusal is an answer, not a fault: nobody reads where it was thrown, and to find out takes longer than all the rest of it.
    const { stackTraceLimit } = Error
    Error.stackTraceLimit = 0
    super(detail, { cause: more.cause })
    Error.stackTraceLimit = stackTraceLimit
    this.name = 'Problem'
    this.code = code
    this.errors = more.errors
    this.retryAfterSeconds = more.retryAfterSeconds
    this.allow = more.allow
    this.headers = more.headers
  }

  get status() {
    return problemKinds[this.code].status
  }
}

type ZodIssueLike = { path: PropertyKey[]; message: string; code?: string; keys?: string[] }

/** `['a', 3, 'b']` → `a[3].b` */
export function fieldPath(path: PropertyKey[], prefix = ''): string {
  let text = prefix
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`
    else text += text ? `.${String(part)}` : String(part)
  }
  return text
}

/** Turns zod's issues into a problem that names each field; an unknown member is named itself, not its parent. */
export function invalid(issues: readonly ZodIssueLike[], prefix = ''): Problem {
  const errors = issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys' && issue.keys
      ? issue.keys.map((key) => ({ field: fieldPath([...issue.path, key], prefix), message: 'is not a known member here' }))
      : [{ field: fieldPath(issue.path, prefix), message: issue.message }],
  )
  const first = errors[0]
  return new Problem('invalid', first ? `${first.field || 'body'}: ${first.message}` : 'invalid request', { errors: errors.slice(0, 50) })
}
