import { serve, type Serving } from '../shared/http/serve.ts'
import { StartError } from './data-folder.ts'

export type Fetch = (request: Request, bindings?: object) => Response | Promise<Response>

/** While the parts start: the port is ours already, and who looks in is told to come back. */
export const starting: Fetch = () =>
  new Response(
    JSON.stringify({ type: '/problems/unavailable', title: 'Not able to take this now', status: 503, detail: 'Tidings is starting' }),
    {
      status: 503,
      headers: { 'content-type': 'application/problem+json', 'retry-after': '1' },
    },
  )

/** What keeps us from a port is said with what to do about it. */
export async function listen({ host, port }: { host: string; port: number }, fetch: Fetch): Promise<Serving> {
  try {
    return await serve(fetch, { host, port })
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'EADDRINUSE') {
      throw new StartError(`port ${port} on ${host} is taken. Stop what listens there, or take another: PORT=${port + 1} npm start`)
    }
    if (code === 'EACCES') throw new StartError(`port ${port} needs rights that this user lacks. Take one above 1023: PORT=8400 npm start`)
    if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') throw new StartError(`HOST=${host} is no address of this machine (${message})`)
    throw error
  }
}
