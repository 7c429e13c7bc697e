import { createMiddleware } from 'hono/factory'
import type { AppEnv } from './app.ts'

/** For pages: a browser that shows no key is made to ask for one, which is the password, whatever the user name. */
export const asksBrowser = (realm: string) =>
  createMiddleware<AppEnv>(async function asks(c, next) {
    await next()
    if (c.res.status === 401) c.res.headers.set('www-authenticate', `Basic realm="${realm}", charset="UTF-8"`)
  })
