export type Answer = { status: number; headers: Record<string, string>; body: string }

export const json = (status: number, body: unknown): Answer => ({
  status,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
})

/** RFC 9457, without a type of its own: the status says what kind of problem it is. */
export const problem = (status: number, title: string, detail: string, headers: Record<string, string> = {}): Answer => ({
  status,
  headers: { 'content-type': 'application/problem+json', ...headers },
  body: JSON.stringify({ type: 'about:blank', title, status, detail }),
})
