import type { App } from '../../../shared/http/app.ts'
import { asksBrowser } from '../../../shared/http/ask-browser.ts'
import type { Authenticate } from '../../../shared/http/authenticate.ts'
import type { StatusDeps } from '../deps.ts'
import { writeAsyncApi } from '../reference/asyncapi.ts'
import { knownTypes, type KnownType } from '../reference/known-types.ts'

type Deps = Pick<StatusDeps, 'adapters' | 'storage' | 'settings'>

/** `/asyncapi.json`: the events themselves, where `/openapi.json` has the requests. Of the organization that asks. */
export function addAsyncApiRoutes(app: App, authenticate: Authenticate, { adapters, storage, settings }: Deps): void {
  let known: KnownType[] | undefined
  app.use('/asyncapi.json', asksBrowser('Tidings API, the password is an API key'), authenticate('read'))
  app.get('/asyncapi.json', async (c) => {
    const registered = await storage.eventTypes.list(c.get('key').organizationId)
    const url = settings.publicUrl ? new URL(settings.publicUrl) : new URL('/', c.req.url)
    return c.json(writeAsyncApi({ url, known: (known ??= knownTypes(adapters)), registered }))
  })
}
