/** The application is set up so that nothing can be verified: a fault of it, and not of the request. */
export class RawBodyError extends Error {
  constructor(what: string) {
    super(`${what}, and a signature can be verified over the raw bytes only`)
    this.name = 'RawBodyError'
  }
}

export type NodeRequest = {
  headers: Record<string, string | string[] | undefined>
  /** Something has read from the stream. */
  readableDidRead: boolean
  iterator(options: { destroyOnReturn: boolean }): AsyncIterable<unknown>
  resume(): unknown
  body?: unknown
  rawBody?: unknown
}

/** @returns undefined when the body is larger than `maxBytes` */
export function rawBody(request: Request | NodeRequest, maxBytes: number): Promise<Uint8Array | undefined> {
  return 'bodyUsed' in request ? fetchBody(request, maxBytes) : nodeBody(request, maxBytes)
}

async function fetchBody(request: Request, maxBytes: number): Promise<Uint8Array | undefined> {
  if (request.bodyUsed) throw new RawBodyError('the body of the request has been read before the receiver got it')
  return request.body ? collect(request.body as AsyncIterable<Uint8Array>, maxBytes) : new Uint8Array()
}

async function nodeBody(request: NodeRequest, maxBytes: number): Promise<Uint8Array | undefined> {
  // `express.raw()` leaves the bytes in `body`; others, and the `verify` hook of `express.json()`, in `rawBody`
  const kept = [request.rawBody, request.body].find((value) => value instanceof Uint8Array)
  if (kept) return kept.length > maxBytes ? undefined : kept
  if (request.readableDidRead) {
    throw new RawBodyError(
      'a body parser has read the request already (use the receiver before it, or `express.raw({ type: "*/*" })` for this path)',
    )
  }
  // the connection is still needed, for the answer
  const body = await collect(request.iterator({ destroyOnReturn: false }), maxBytes)
  if (!body) request.resume()
  return body
}

async function collect(chunks: AsyncIterable<unknown>, maxBytes: number): Promise<Uint8Array | undefined> {
  const parts: Uint8Array[] = []
  let size = 0
  for await (const chunk of chunks) {
    const part = typeof chunk === 'string' ? Buffer.from(chunk) : (chunk as Uint8Array)
    size += part.length
    if (size > maxBytes) return undefined
    parts.push(part)
  }
  return Buffer.concat(parts)
}
