import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it, onTestFailed } from 'vitest'
import { anEvent } from '../support/builders.ts'
import { chromiumPath, openBrowser, watchedPage, type Watched } from '../support/browser.ts'
import { useSystem } from '../support/consumers.ts'
import { eventually } from '../support/eventually.ts'
import { isSignedWith, type Inbox } from '../support/receiver.ts'
import { scriptPayloads } from '../support/script-payloads.ts'

if (!chromiumPath)
  process.stderr.write('the console is not tested: there is no Chromium here (apt-get install chromium, or CHROMIUM_BIN)\n')

/** What one page load may weigh on the wire. */
const firstLoadBytes = 250_000

describe.skipIf(!chromiumPath)('the console', () => {
  const { system } = useSystem()
  let browser: Browser
  let key: string
  beforeAll(async () => {
    browser = await openBrowser()
    key = (await system().api.steer<{ key: string }>(201, 'POST', '/keys', { label: 'browser', scopes: ['admin'] })).key
  })
  afterAll(() => browser?.close())

  const origin = () => new URL(system().status.url).origin
  async function signedIn(): Promise<Watched> {
    const watched = await watchedPage(browser)
    const { path } = await system().api.steer<{ path: string }>(201, 'POST', '/session/links')
    await watched.page.goto(`${origin()}${path}`)
    await watched.page.getByRole('heading', { name: 'Overview' }).waitFor()
    return watched
  }
  function expectNothingWrong({ faults, requests }: Watched): void {
    expect(faults).toEqual([])
    expect(requests.filter((url) => !url.startsWith(`${origin()}/`) && !url.startsWith('data:'))).toEqual([])
  }

  describe('takes a person from signing in to a mended webhook', () => {
    let watched: Watched
    let page: Page
    let first: Inbox
    let second: Inbox
    beforeAll(async () => {
      watched = await watchedPage(browser)
      page = watched.page
      first = system().receiver.at('/orders')
      second = system().receiver.at('/orders-moved')
    })
    afterAll(() => watched?.context.close())

    /** Each step goes on where the one before it ended, as a person does. */
    const step = (name: string, body: () => Promise<void>) =>
      it(name, async () => {
        onTestFailed(
          async () => void process.stderr.write(`${page.url()}\n${await page.locator('body').innerText()}\n${watched.faults.join('\n')}\n`),
        )
        await body()
        expectNothingWrong(watched)
      })
    const menu = (name: string) => page.getByRole('navigation').getByRole('link', { name, exact: true }).click()
    const rows = () => page.locator('.log [role=option]')

    step('sign in', async () => {
      await page.goto(`${origin()}/`)
      await page.getByLabel('API key').fill('tdk_wrong')
      await page.getByRole('button', { name: 'Sign in' }).click()
      await page.getByText('This key is unknown, expired or removed.').waitFor()
      await page.getByLabel('API key').fill(key)
      await page.keyboard.press('Enter')
      await page.getByRole('heading', { name: 'Overview' }).waitFor()
      expect(await page.evaluate('localStorage.length + sessionStorage.length + document.cookie.length')).toBe(0)
    })

    step('create a webhook', async () => {
      await menu('Webhooks')
      await page.getByRole('link', { name: 'New webhook' }).first().click()
      await page.getByLabel('Address').fill('http://10.0.0.1/')
      await page.getByLabel('Label').fill('orders')
      await page.getByLabel('Event type').fill('orders.*')
      await page.getByRole('complementary', { name: 'Preview' }).getByText('What would be sent for a made-up event').waitFor()
      await page.getByRole('button', { name: 'Create webhook' }).click()
      await page
        .getByText(/private|not allowed|public address/)
        .first()
        .waitFor()
      await page.getByLabel('Address').fill(first.url)
      await page.getByText('Secret, headers, retries, limits').click()
      await page.getByLabel('Attempts', { exact: true }).fill('1')
      await page.getByRole('button', { name: 'Create webhook' }).click()
      const dialog = page.getByRole('dialog', { name: 'Webhook created' })
      expect(await dialog.locator('code').innerText()).toMatch(/^whsec_/)
      await dialog.getByRole('button', { name: 'I have kept it' }).click()
      await page.getByRole('heading', { name: 'orders', exact: false }).waitFor()
      await page.getByText('orders.*').waitFor()
    })

    step('send a test', async () => {
      first.reply({ status: 200, body: 'thank you' })
      await page.getByRole('button', { name: 'Send a test event' }).click()
      await page.getByText('HTTP 200').waitFor()
      await page.getByText('thank you').waitFor()
      expect(first.requests).toHaveLength(1)
    })

    step('see it arrive live', async () => {
      await menu('Deliveries')
      await rows().filter({ hasText: 'webhook.test' }).waitFor()
      await page.getByRole('button', { name: 'Live', exact: true }).waitFor()
      await system().api.publish(anEvent({ type: 'orders.created', entity: { type: 'table', name: 'live.one' } }))
      await rows().filter({ hasText: 'live.one' }).filter({ hasText: 'succeeded' }).waitFor()
    })

    step('find a failed delivery by filter', async () => {
      first.reply({ status: 500, body: 'there is no such table' })
      await system().api.publish([1, 2, 3].map((n) => anEvent({ type: 'orders.failed', entity: { type: 'table', name: `failed.${n}` } })))
      await page.getByRole('group', { name: 'Status' }).getByRole('button', { name: 'Failed' }).click()
      await page.getByRole('button', { name: 'Filter', exact: true }).click()
      await page.getByLabel('Field').selectOption('response')
      await page.getByLabel('Value').fill('NO SUCH table')
      await page.getByRole('button', { name: 'Apply' }).click()
      await expect.poll(() => rows().filter({ hasText: 'failed.' }).count(), { timeout: 15_000 }).toBe(3)
      expect(new URL(page.url()).searchParams.getAll('where')).toEqual(['status:in:failed', 'response:like:NO SUCH table'])
      await page.reload()
      await page.getByText('3 deliveries').waitFor()
    })

    step('read why', async () => {
      await page.getByRole('listbox').focus()
      await page.keyboard.press('Home')
      await page.keyboard.press('Enter')
      await page.getByText('HTTP 500').waitFor()
      await page.getByText('there is no such table').waitFor()
      await page.getByText('Check the signature').click()
      await page.getByText('The signature verifies').waitFor()
    })

    step('fix the URL', async () => {
      await page.getByRole('link', { name: 'orders', exact: true }).click()
      await page.getByRole('link', { name: 'Edit' }).click()
      await page.getByLabel('Address').fill(second.url)
      await page.getByRole('button', { name: 'Save' }).click()
      await page.getByText('Saved.').waitFor()
      await page.getByText(second.url, { exact: true }).first().waitFor()
    })

    step('redeliver it', async () => {
      await menu('Deliveries')
      await page.getByRole('group', { name: 'Status' }).getByRole('button', { name: 'Failed' }).click()
      await rows().filter({ hasText: 'failed.' }).first().getByRole('link').click()
      await page.getByRole('button', { name: 'Redeliver' }).click()
      await page.getByRole('heading', { name: /succeeded/ }).waitFor()
      await second.request(1)
    })

    step('redeliver all failed of a webhook', async () => {
      await page.getByRole('link', { name: 'orders', exact: true }).click()
      await page.getByRole('link', { name: 'failed', exact: true }).click()
      await page.getByText('2 deliveries').waitFor()
      await page.getByRole('button', { name: 'Redeliver all that match' }).click()
      await page.getByText('2 finished deliveries will be sent again.').waitFor()
      await page.getByRole('button', { name: 'Redeliver 2' }).click()
      await page.getByText('Done: 2 of 2').waitFor()
      await second.request(3)
      await page.getByRole('dialog').getByRole('button', { name: 'Done' }).click()
      await page.getByText('Nothing matches').waitFor()
    })

    step('rotate a secret', async () => {
      await menu('Webhooks')
      await page.getByRole('link', { name: 'orders', exact: true }).click()
      await page.getByRole('button', { name: 'Rotate secret' }).click()
      await page.getByRole('button', { name: 'Make a new secret' }).click()
      const secret = await page.getByRole('dialog', { name: 'The new secret' }).locator('code').innerText()
      await page.getByRole('button', { name: 'I have kept it' }).click()
      await page.getByText('signs until').waitFor()
      await system().api.publish(anEvent({ type: 'orders.created' }))
      expect(isSignedWith(secret, await second.request(4))).toBe(true)
    })

    step('sign out', async () => {
      await page.getByRole('button', { name: 'Sign out' }).click()
      await page.getByLabel('API key').waitFor()
      await page.reload()
      await page.getByLabel('API key').waitFor()
    })
  })

  it(`loads with less than ${firstLoadBytes / 1_000} kB, from its own address alone`, async () => {
    const watched = await watchedPage(browser)
    const sizes: Promise<number>[] = []
    watched.page.on('requestfinished', (request) => sizes.push(request.sizes().then(({ responseBodySize }) => responseBodySize)))
    const { path } = await system().api.steer<{ path: string }>(201, 'POST', '/session/links')
    await watched.page.goto(`${origin()}${path}`)
    await watched.page.locator('.chart canvas').waitFor()
    await watched.page.getByText('It balances').waitFor()

    const bytes = (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0)
    expect(bytes).toBeGreaterThan(50_000)
    expect(bytes).toBeLessThan(firstLoadBytes)
    expectNothingWrong(watched)
    await watched.context.close()
  })

  it('is served with a policy that lets nothing else in, and files that never change', async () => {
    const page = await fetch(`${origin()}/console/deliveries?where=status:in:failed`)
    const html = await page.text()
    const [script] = /\/console\/assets\/[^"]+\.js/.exec(html) ?? []
    const asset = await fetch(`${origin()}${script}`)

    expect(page.headers.get('content-security-policy')).toBe(
      "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
    )
    expect(html).not.toMatch(/<style|<script(?![^>]* src=)| style=| on\w+=/)
    expect(page.headers.get('cache-control')).toBe('no-cache')
    expect(asset.headers.get('cache-control')).toBe('public, max-age=31536000, immutable')
    expect((await fetch(`${origin()}/console/assets/none.js`)).status).toBe(404)
    expect((await fetch(`${origin()}/console/assets/..%2f..%2f..%2fpackage.json`)).ok).toBe(false)
  })

  it('runs nothing of what it shows, wherever a script may hide', async () => {
    expect(scriptPayloads).toHaveLength(150)
    const watched = await signedIn()
    const { page } = watched
    const [one = ''] = scriptPayloads
    const inbox = system().receiver.at('/hostile')
    inbox.reply({
      status: 500,
      headers: { 'content-type': 'text/html', 'x-answer': '<script>window.ran=1</script>' },
      body: scriptPayloads.join('\n'),
    })
    const webhook = await system().api.createWebhook({
      url: `${inbox.url}#`.slice(0, -1),
      label: one,
      retry: { strategy: 'schedule', delays_seconds: [] },
    })
    await system().api.subscribe(webhook.id, { event_type: 'hostile.*', filters: { domains: [one] } })
    await system().api.steer(201, 'PUT', '/event-types/hostile.event', {
      description: scriptPayloads.join(' ').slice(0, 2_000),
      schema: { title: one },
    })
    await system().api.steer(201, 'POST', '/keys', { label: scriptPayloads[2], scopes: ['read'] })
    const entity = {
      type: one,
      id: one,
      name: scriptPayloads.join(' ').slice(0, 3_000),
      domain: one,
      owners: scriptPayloads.slice(0, 100),
      tags: scriptPayloads,
    }
    const updated = scriptPayloads.map((text) => ({ name: text, old_value: text, new_value: { [text]: text } }))
    const [eventId = ''] = await system().api.publish(
      anEvent({
        type: 'hostile.event',
        subject: one,
        actor: one,
        entity,
        change: { updated },
        data: Object.fromEntries(scriptPayloads.map((text) => [text, text])),
      }),
    )
    const delivery = await eventually(async () => {
      const found = await system().api.deliveryOf(eventId, webhook.id)
      expect(found.status).toBe('failed')
      return found
    })

    const views = [
      '',
      'deliveries',
      `deliveries/${delivery.id}`,
      `events/${eventId}`,
      'webhooks',
      `webhooks/${webhook.id}`,
      `webhooks/${webhook.id}/edit`,
      'event-types',
      'keys',
      'audit',
      `deliveries?where=${encodeURIComponent(`entity_name:like:${one}`)}`,
    ]
    for (const view of views) {
      await page.goto(`${origin()}/console/${view}`)
      await page.locator('main', { hasText: 'window.ran' }).waitFor()
      for (const fold of await page.locator('main details > summary').all()) await fold.click()
      expect(await page.evaluate('window.ran'), view).toBeUndefined()
    }
    await page.goto(`${origin()}/console/events/${eventId}`)
    await page.getByRole('heading', { name: 'Change' }).waitFor()
    expect(await page.locator('main').innerText()).toContain(one)
    expectNothingWrong(watched)
    await watched.context.close()
  })
})
