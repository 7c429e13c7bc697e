import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { createServer, type AddressInfo } from 'node:net'
import { createAddressPolicy, refusal } from '../../shared/http/address-policy.ts'
import { createSender } from '../../shared/http/send.ts'
import { hostileUrls } from '../support/hostile-urls.ts'
import { startReceiver } from '../support/receiver.ts'
import { openStatusApp, type StatusApp } from '../support/status-app.ts'

export type UrlReport = {
  ok: boolean
  urls: number
  /** Tries in all: to save, to change, to deliver, to be redirected to. */
  tries: number
  /** Webhooks that were made or changed all the same. */
  saved: number
  /** Sockets made to anything denied, and connections that the canary has seen. */
  deniedConnects: number
  canaryConnects: number
  findings: string[]
}

/** X1: URLs by which people have reached what they must not, tried on every way there is to a connection. */
export async function fuzzUrls(): Promise<UrlReport> {
  let canaryConnects = 0
  const canary = createServer((socket) => {
    canaryConnects++
    socket.destroy()
  })
  await new Promise<void>((resolve) => canary.listen(0, '127.0.0.1', resolve))
  const urls = [...new Set(hostileUrls((canary.address() as AddressInfo).port))]
  const report: UrlReport = { ok: true, urls: urls.length, tries: 0, saved: 0, deniedConnects: 0, canaryConnects: 0, findings: [] }
  const find = (what: string) => void (report.findings.length < 20 && report.findings.push(what))
  const status = await openStatusApp()
  try {
    await save(status, urls, report, find)
    await deliver(urls, report, find)
    await redirect(urls, report, find)
  } finally {
    await status.close()
    await new Promise((resolve) => canary.close(resolve))
  }
  report.canaryConnects = canaryConnects
  return { ...report, ok: report.saved + report.deniedConnects + canaryConnects + report.findings.length === 0 }
}

async function save(status: StatusApp, urls: string[], report: UrlReport, find: (what: string) => void): Promise<void> {
  const made = await status.call<{ id: string }>('POST', '/webhooks', { url: 'https://example.com/hook' })
  await status.call('POST', '/sources', { name: 'known', adapter: 'cloudevents' })
  const ways: [string, string, (url: string) => unknown][] = [
    ['POST', '/webhooks', (url) => ({ url })],
    ['PATCH', `/webhooks/${made.body.id}`, (url) => ({ url })],
    ['POST', '/api/v1/webhooks', (endpoint) => ({ name: 'x', webhookType: 'Generic', webhookConfig: { endpoint }, eventFilters: [] })],
    ['POST', '/sources', (url) => ({ name: 'x', adapter: 'cloudevents', lookup: { url } })],
    ['PATCH', '/sources/known', (url) => ({ lookup: { url } })],
  ]
  const messages = new Set<string>()
  for (const url of urls)
    for (const [method, path, body] of ways) {
      report.tries++
      const answer = await status.call<{ errors?: { message: string }[] }>(method, path, body(url))
      if (answer.status < 300) report.saved++
      else if (answer.status !== 422) find(`${method} ${path} ${url}: ${answer.status}`)
      // what is no URL at all may be said; of an address nothing is told but that it is not allowed
      for (const { message } of answer.body.errors ?? []) if (message.startsWith(refusal)) messages.add(`${path} ${message}`)
    }
  // or all of them may have been refused for something else
  for (const [method, path, body] of ways) {
    const answer = await status.call(method, path, body('https://example.com/hook'))
    if (answer.status >= 300) find(`${method} ${path} with a good URL: ${answer.status} ${answer.text}`)
  }
  if (messages.size > ways.length) find(`refused in ${messages.size} ways, which tell one address from another`)
}

/** As if such a URL stood in the database, because the operator allows less than before. */
async function deliver(urls: string[], report: UrlReport, find: (what: string) => void): Promise<void> {
  let sockets = 0
  const count = () => void sockets++
  // any name is the canary's, so that only the guard can hold it back
  const sender = createSender(createAddressPolicy({ allow: [] }), {
    lookup: (_name, options, callback) => callback(null, options.all ? [{ address: '127.0.0.1', family: 4 }] : '127.0.0.1', 4),
  })
  subscribe('net.client.socket', count)
  try {
    for (const url of urls) {
      report.tries++
      sockets = 0
      const result = await sender.send({ url, headers: {}, body: Buffer.from('{}'), timeoutMs: 5_000 })
      if (result.outcome !== 'blocked' || result.error !== refusal) find(`${url}: ${result.outcome}, ${result.error}`)
      report.deniedConnects += sockets
    }
  } finally {
    unsubscribe('net.client.socket', count)
    await sender.close()
  }
}

/** By a receiver that is allowed and sends us on. */
async function redirect(urls: string[], report: UrlReport, find: (what: string) => void): Promise<void> {
  const receiver = await startReceiver()
  const sender = createSender(createAddressPolicy({ allow: ['127.0.0.0/8'] }))
  let sockets = 0
  const count = () => void sockets++
  try {
    await sender.send({ url: receiver.url, headers: {}, body: Buffer.from('{}'), timeoutMs: 5_000 })
    subscribe('net.client.socket', count)
    for (const [index, url] of urls.filter((each) => /^[\x21-\x7e]+$/.test(each)).entries()) {
      report.tries++
      const statusCode = [301, 302, 303, 307, 308][index % 5] as number
      receiver.reply({ status: statusCode, headers: { location: url } })
      const result = await sender.send({ url: receiver.url, headers: {}, body: Buffer.from('{}'), timeoutMs: 5_000 })
      if (result.outcome !== 'rejected' || result.statusCode !== statusCode) find(`a redirect to ${url}: ${result.outcome}`)
    }
    // the one kept connection may have been replaced now and then, and all of them led to the receiver
    report.deniedConnects += Math.max(0, sockets - (receiver.connections() - 1))
  } finally {
    unsubscribe('net.client.socket', count)
    await sender.close()
    await receiver.stop()
  }
}
