import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { openPython, type Python } from '../support/python.ts'
import * as snippets from '../support/snippets.ts'
import { faultsOf, startSystem, type System } from '../support/system.ts'

/** The guides of the catalogs, run against Tidings in their own language, with nothing changed but host and key. */
let system: System
let python: Python | undefined
beforeAll(async () => {
  system = await startSystem()
  python = await openPython(freePort)
})
afterAll(async () => {
  await python?.stop()
  await system?.stop()
})

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

function pythonOr({ skip }: TestContext): Python {
  return python ?? skip('there is no python3 on this machine')
}

type Logged = { id: string; status: string; last_status_code: number; event_type: string }
async function deliveriesTo(webhookId: string): Promise<Logged[]> {
  const filter = { field: 'webhook_id', op: 'eq', value: webhookId }
  const sort = [{ field: 'created_at', direction: 'asc' }]
  return (await system.api.steer<{ data: Logged[] }>(200, 'POST', '/webhook-deliveries/filter', { filter, sort })).data
}
const settled = (webhookId: string, ...expected: object[]) =>
  eventually(async () => expect(await deliveriesTo(webhookId)).toMatchObject(expected))

const post = async (path: string, body: string, headers: Record<string, string> = {}) => {
  const answer = await fetch(system.ingest.url + path, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json', ...headers },
  })
  return [answer.status, await answer.text()]
}

/**
 * Runs a Flask application of a guide on a port of our choosing, which is the host and no more. One request after another:
 * two threads that print at once have their lines run into one another.
 */
const onFlask = "\napp.run(host='127.0.0.1', port=PORT, threaded=False)\n"

describe("Foundry's guide", () => {
  const secret = 'whsec_your_webhook_secret_here'
  const told = [
    { id: 'e1', type: 'ontology.object.created', data: { objectType: 'Employee', primaryKey: '50030' } },
    { id: 'e2', type: 'ontology.object.updated', data: { objectType: 'Employee', primaryKey: '50030', changedProperties: { role: 'b' } } },
    { id: 'e3', type: 'ontology.object.deleted', data: { objectType: 'Employee', primaryKey: '50030' } },
    { id: 'e4', type: 'dataset.updated', data: { datasetRid: 'ri.foundry.main.dataset.1', branch: 'master' } },
    { id: 'e5', type: 'build.completed', data: { buildRid: 'ri.foundry.main.build.1', buildStatus: 'SUCCEEDED' } },
  ]
  const lines = [
    'Object created: Employee/50030',
    "Object updated: Employee — changed: ['role']",
    'Object deleted: Employee/50030',
    'Dataset updated: ri.foundry.main.dataset.1 branch=master',
    'Build ri.foundry.main.build.1: SUCCEEDED',
  ]

  async function report(event: object, key = secret): Promise<unknown> {
    const body = JSON.stringify(event)
    const timestamp = String(Math.floor(Date.now() / 1000))
    const signature = createHmac('sha256', key).update(`${timestamp}.${body}`).digest('hex')
    return post('/webhooks/foundry', body, { 'X-Foundry-Signature': signature, 'X-Foundry-Timestamp': timestamp })
  }

  it('receives from Tidings what Foundry has told Tidings, each answered as the guide has it', async (context) => {
    const app = await pythonOr(context).serve(snippets.foundryReceiver + onFlask, { FOUNDRY_WEBHOOK_SECRET: secret })
    const { api } = system
    await api.steer(201, 'POST', '/sources', { name: 'foundry', adapter: 'foundry', secret })
    const wanted = { url: `${app.url}/webhooks/foundry`, format: 'foundry', scheme: 'foundry', mode: 'direct' }
    const webhook = await api.createWebhook({ ...wanted, secret })
    const stranger = await api.createWebhook({ ...wanted, secret: 'whsec_another_secret' })
    for (const { id } of [webhook, stranger]) await api.subscribe(id, 'ontology.*', 'dataset.*', 'build.*', 'schedule.*')

    for (const event of told) expect(await report(event)).toEqual([200, '{"received":true}'])
    expect(await report(told[0] as object, 'another')).toEqual([401, '{"error":"Invalid signature"}'])
    expect(await report({ id: 'e6', type: 'schedule.started', data: {} })).toEqual([200, '{"received":true}'])

    await settled(webhook.id, ...Array.from({ length: 6 }, () => ({ status: 'succeeded', last_status_code: 200 })))
    await settled(stranger.id, ...Array.from({ length: 6 }, () => ({ status: 'failed', last_status_code: 401 })))
    const printed = app.lines().filter((line) => !line.includes('Flask app') && !line.includes('Debug mode'))
    expect(printed.sort()).toEqual([...lines, 'Unhandled event type: schedule.started'].sort())
  })

  it('handles once what Tidings sends again, by the id that stays the same', async (context) => {
    const keys = 'class Keys(dict):\n    exists = dict.__contains__\n    def setex(self, key, ttl, value): self[key] = value\nr = Keys()\n'
    // the guide never calls its fourth step: here it stands where the handler is called
    const receiver = snippets.foundryReceiver.replace('    handle_event(event)\n    return', '    idempotent_handle(event)\n    return')
    const app = await pythonOr(context).serve(keys + receiver + snippets.foundryOnce + onFlask, { FOUNDRY_WEBHOOK_SECRET: secret })
    const webhook = await system.api.createWebhook({ url: `${app.url}/webhooks/foundry`, format: 'foundry', scheme: 'foundry', secret })
    await system.api.subscribe(webhook.id, 'ontology.object.created')
    await report({ ...told[0], id: 'e7' })
    await settled(webhook.id, { status: 'succeeded' })
    const [delivery] = await deliveriesTo(webhook.id)
    await system.api.redeliver(delivery?.id ?? '')
    await eventually(() => expect(app.lines()).toContain('Skipping duplicate event: e7'))
    expect(app.lines().filter((line) => line === lines[0])).toHaveLength(1)
  })
})

describe("Ptolemy's guide", () => {
  /** `client` as the guide has it, which says nothing of what it is: a base address, a key, JSON. */
  const client = `
import urllib.request
class Client:
    def send(self, method, path, json_):
        headers = {"Authorization": "Bearer " + os.environ["KEY"], "Content-Type": "application/json"}
        request = urllib.request.Request(os.environ["HOST"] + path, json.dumps(json_).encode(), headers, method=method)
        self.text = urllib.request.urlopen(request).read()
        return self
    def post(self, path, json): return self.send("POST", path, json)
    def put(self, path, json): return self.send("PUT", path, json)
    def json(self): return json.loads(self.text)
client = Client()
`
  const steering = () => ({ HOST: system.status.url, KEY: system.key })
  const event = (id: string, event_type: string) =>
    JSON.stringify({ id, event_type, created_at: '2026-04-15T09:00:03Z', data: { identifier: 'bhp.ax' } })

  it('registers, subscribes, receives, finds what failed, and has it sent again', async (context) => {
    const { serve, run } = pythonOr(context)
    const { api } = system
    await api.steer(201, 'POST', '/sources', { name: 'ptolemy', adapter: 'ptolemy', scheme: null })
    const port = await freePort()
    const registered = await run(
      `${client}${snippets.ptolemyRegistration(`http://127.0.0.1:${port}`)}${snippets.ptolemySubscriptions}\nprint(webhook_id)\nprint(secret)\n`,
      steering(),
    )
    const [id = '', secret = ''] = registered
    expect(secret).toMatch(/^whsec_/)
    const { data } = await api.steer<{ data: { event_type: string }[] }>(200, 'GET', `/webhooks/${id}/subscriptions`)
    expect(data.map(({ event_type }) => event_type).sort()).toEqual(['instrument.archived', 'instrument.created', 'instrument.updated'])
    // what the guide's request does not say, a webhook has to be told: whose words, whose signature
    await api.patchWebhook(id, { format: 'ptolemy', scheme: 'ptolemy', mode: 'direct' })

    // nobody listens yet: the delivery fails, and the guide's own search finds it
    const key = { authorization: `Bearer ${system.key}` }
    expect(await post('/sources/ptolemy/events', event('1', 'instrument.created'), key)).toEqual([200, '{"ok":true}'])
    await settled(id, { status: 'failed' })
    const failed = await api.steer<{ data: Logged[] }>(200, 'POST', '/webhook-deliveries/filter', JSON.parse(snippets.ptolemyFailures(id)))
    expect(failed.data).toMatchObject([{ event_type: 'instrument.created' }])

    const app = await serve(
      `${snippets.ptolemyReceiver}${snippets.ptolemyUnshown}\nprint("secret is set")\n${serving}`,
      { PTOLEMY_WEBHOOK_SECRET: secret },
      port,
    )
    const again = await api.redeliver(failed.data[0]?.id ?? '')
    expect(again.webhook_id).toBe(id)
    await settled(id, { status: 'succeeded', last_status_code: 200 })
    await eventually(() => expect(app.lines()).toContain('instrument.created bhp.ax'))

    await run(`${client}webhook_id = "${id}"\n${snippets.ptolemyAllEvents}`, steering())
    await post('/sources/ptolemy/events', event('2', 'market.created'), key)
    await eventually(() => expect(app.lines()).toContain('market.created bhp.ax'))

    const { secret: other } = await api.rotateSecret(id, 0)
    expect(other).not.toBe(secret)
    await post('/sources/ptolemy/events', event('3', 'market.updated'), key)
    await eventually(async () =>
      expect(await deliveriesTo(id)).toContainEqual(expect.objectContaining({ event_type: 'market.updated', last_status_code: 401 })),
    )
  })

  /** The small FastAPI serves itself; the real one is an ASGI application, for which this is too much to bring. */
  const serving = 'app.serve("127.0.0.1", PORT)\n'
})

describe("Opteryx's guide", () => {
  it('has its payload taken at its endpoint, and its handler gets it from Tidings', async (context) => {
    const app = await pythonOr(context).serve(snippets.opteryxReceiver + onFlask)
    const { api } = system
    await api.steer(201, 'POST', '/sources', { name: 'opteryx', adapter: 'opteryx' })
    const { key } = await api.steer<{ key: string }>(201, 'POST', '/keys', { label: 'opteryx', scopes: ['ingest'] })
    const webhook = await api.createWebhook({ url: `${app.url}/event`, format: 'opteryx', scheme: 'opteryx', mode: 'direct' })
    await api.subscribe(webhook.id, 'dataset.*')

    expect(await post(`/in/${key}/event`, snippets.opteryxPayload)).toEqual([200, '{"status":"ok"}'])
    await settled(webhook.id, { status: 'succeeded', last_status_code: 200 })
    expect(app.lines().filter((line) => /^(Received|Workspace|Timestamp|Data)/.test(line))).toEqual([
      'Received create event for dataset my-dataset',
      'Workspace: my-workspace, Collection: my-collection',
      'Timestamp: 1704556800000',
      "Data: {'location': 'gs://bucket/path', 'properties': {}, 'schema': {'fields': []}}",
    ])
  })
})

describe("Sesam's guide", () => {
  const secret = 'the-webhook-secret-of-the-system'
  const base64 = (body: string) => createHmac('sha256', secret).update(body).digest('base64')
  /** A pipe's placeholders filled in, as whoever copies it does. */
  const filled = (pipe: string, names: Record<string, string>) =>
    JSON.parse(Object.entries(names).reduce((text, [name, value]) => text.replaceAll(`<${name}>`, value), pipe)) as {
      _id: string
      source: Record<string, unknown>
    }
  const asSource = (name: string, settings: object) =>
    system.api.steer(201, 'POST', '/sources', { name, adapter: 'sesam', secret, settings })

  it("validates Shopify's requests by the expression, and refuses in its words", async () => {
    await asSource('shopify-product-event', { datatype: 'product', validation_expression: snippets.sesamShopify })
    const body = '{"_id":"1","title":"Größe"}'
    const path = '/api/receivers/shopify-product-event/entities'
    // Shopify writes its header in another case than the expression
    expect(await post(path, body, { 'X-Shopify-Hmac-Sha256': base64(body) })).toEqual([200, '{}'])
    expect(await post(path, `${body} `, { 'X-Shopify-Hmac-Sha256': base64(body) })).toEqual([401, 'FAIL!'])
    expect(await post(path, body)).toEqual([401, 'FAIL!'])
  })

  it('has its -event pipe, and the one with a subset, whose other events are taken and forgotten', async () => {
    const names = {
      system: 'hubspot',
      datatype: 'company',
      webhook_signature_param: 'X-Signature',
      webhook_filter_criteria: 'company',
      property: 'subscriptionType',
      hubspot_webhook_dataset: 'hubspot-webhook-event',
    }
    const pipe = filled(snippets.sesamEventPipe, names)
    const { subset } = filled(snippets.sesamSubsetPipe, names).source
    const { validation_expression } = pipe.source
    await asSource(pipe._id, { datatype: 'company', id_from: ['objectId'], validation_expression, subset })
    const inbox = system.receiver.at('/companies')
    const webhook = await system.api.createWebhook({ url: inbox.url, format: 'sesam', scheme: 'openmetadata' })
    await system.api.subscribe(webhook.id, 'company.*')

    const events = ['contact.creation', 'company.creation', 'companyX.creation'].map((subscriptionType, at) => ({
      objectId: at,
      subscriptionType,
    }))
    const body = JSON.stringify(events)
    expect(await post(`/api/receivers/${pipe._id}/entities`, body, { 'X-Signature': base64(body) })).toEqual([200, '{}'])
    await settled(webhook.id, { status: 'succeeded', event_type: 'company.updated' })
    expect(JSON.parse(inbox.requests[0]?.body ?? '')).toMatchObject({
      _id: '1',
      data: { objectId: 1, subscriptionType: 'company.creation' },
    })
    expect(faultsOf(system)).toEqual([])
  })
})
