import { readFileSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import type { Command } from 'commander'
import type { Webhook } from '../../shared/contracts/api/webhook.ts'
import { Refused } from './common/api.ts'
import { action, type Context } from './common/context.ts'
import { exits, Failure, misused } from './common/fail.ts'
import type { Env } from './common/io.ts'
import type { Behaviour, Listener, Verifying } from './common/listener.ts'
import { readJson } from './common/where.ts'
import { durationOf } from './common/time.ts'
import { repeated } from './common/webhook-flags.ts'

type Options = {
  host: string
  port: string
  scheme: string
  secretFile?: string
  params?: string
  publicUrl?: string
  fail?: string
  status?: string
  delay?: string
  retryAfter?: string
  register?: string[]
  body?: boolean
}

/** `tidings listen`: a receiver of webhooks to develop against. */
export function addListen(program: Command, env: Env): void {
  const command = program
    .command('listen')
    .description('Receive webhooks here: verify, print, and fail on purpose')
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--port <port>', 'port to listen on; 0 takes a free one', '0')
    .option('--scheme <scheme>', 'what requests are signed with', 'standard-webhooks')
    .option('--secret-file <file>', 'the secret to verify with (TIDINGS_WEBHOOK_SECRET); without one nothing is verified')
    .option('--params <json>', 'settings of the scheme, where it has any')
    .option('--public-url <url>', 'where senders know this by; for --register, and for schemes that sign the URL')
    .option('--fail <share>', 'fail so many of the requests on purpose: 30%')
    .option('--status <status>', 'what a failure is answered with; without --fail, every request (500)')
    .option('--delay <time>', 'wait before each answer: 2s')
    .option('--retry-after <seconds>', 'Retry-After of a failure')
    .option('--register <pattern>', "make a webhook for this, subscribed to 'table.*', and remove it at the end; may be repeated", repeated)
    .option('--body', 'print bodies too')
    .addHelpText(
      'after',
      `
Tidings refuses private addresses by default: start it with ALLOWED_ADDRESSES=127.0.0.0/8 to deliver to this machine.

  tidings listen --register 'table.*' --fail 30% --status 503 --retry-after 2
  TIDINGS_WEBHOOK_SECRET=… tidings listen --port 3000 --scheme github --json | jq .event`,
    )
  action(command, env, listen)
}

async function listen(context: Context, options: Options): Promise<number | undefined> {
  const { io } = context
  const { receivedLine, startListener } = await import('./common/listener.ts')
  const signal = io.interruptible()
  const verifying = verifyingOf(options, io.env)
  const listener = await startListener(behaviourOf(options), verifying, {
    host: options.host,
    port: numberOf(options.port, '--port', 0, 65_535),
    heard: (received) => io.out(io.json ? JSON.stringify(received) : receivedLine(io, received, options.body ?? false)),
  })
  let webhook: Webhook | undefined
  try {
    webhook = options.register && (await register(context, listener, options, verifying))
    const { secrets } = verifying
    io.say(
      `Listening at ${listener.url}, ${secrets.length > 0 ? `verifying ${options.scheme}` : 'verifying nothing: there is no secret'}. Ctrl-C ends it.`,
    )
    await untilAborted(signal)
  } finally {
    await listener.stop()
    if (webhook) await unregister(context, webhook)
  }
  const { requests, failed, refused } = listener.counts
  io.say(`${requests} requests, ${failed} failed on purpose, ${refused} not verified.`)
  return exits.done
}

async function register({ api, io }: Context, listener: Listener, options: Options, verifying: Verifying): Promise<Webhook> {
  const url = options.publicUrl ?? listener.url
  const [secret] = verifying.secrets
  const input = { url, label: `tidings listen ${new URL(url).host}`, scheme: options.scheme, ...(secret !== undefined && { secret }) }
  const webhook = await api.call<Webhook & { secret: string }>('POST', '/webhooks', input).catch((error: unknown) => {
    if (!(error instanceof Refused) || !error.errors.some(({ field }) => field === 'url')) throw error
    throw new Failure(
      `Tidings does not deliver to ${url}: ${error.message}\nStart it with ALLOWED_ADDRESSES=127.0.0.0/8, or give the address of a tunnel with --public-url.`,
    )
  })
  verifying.secrets = [webhook.secret]
  try {
    for (const event_type of options.register ?? []) await api.call('POST', `/webhooks/${webhook.id}/subscriptions`, { event_type })
  } catch (error) {
    await unregister({ api, io }, webhook)
    throw error
  }
  io.say(`Webhook ${webhook.id} delivers ${options.register?.join(', ')} here.`)
  return webhook
}

async function unregister({ api, io }: Pick<Context, 'api' | 'io'>, { id }: Webhook): Promise<void> {
  await api.call('DELETE', `/webhooks/${id}`).then(
    () => io.say(`Webhook ${id} is removed.`),
    (error: Error) => io.say(`Webhook ${id} is still there (${error.message}): tidings webhooks delete ${id}`),
  )
}

async function untilAborted(signal: AbortSignal): Promise<void> {
  while (!signal.aborted) await wait(3_600_000, undefined, { signal }).catch(() => {})
}

function verifyingOf({ scheme, secretFile, params }: Options, env: Env): Verifying {
  const text = secretFile === undefined ? env.TIDINGS_WEBHOOK_SECRET : readSecret(secretFile)
  const secrets = text ? text.split(/[\s,]+/).filter(Boolean) : []
  return { scheme, secrets, ...(params !== undefined && { params: readJson(params, '--params') as Record<string, unknown> }) }
}

function readSecret(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw misused(`--secret-file ${file} cannot be read: ${(error as Error).message}`)
  }
}

function behaviourOf({ fail, status, delay, retryAfter, publicUrl }: Options): Behaviour {
  if (retryAfter !== undefined && fail === undefined && status === undefined)
    throw misused('--retry-after is of failures: give --fail or --status too')
  const given = fail === undefined ? undefined : /^(\d+(?:\.\d+)?)\s*%$/.exec(fail)?.[1]
  if (fail !== undefined && given === undefined) throw misused(`--fail ${fail}: must be a share such as 30%`)
  return {
    failShare: given === undefined ? (status === undefined ? 0 : 1) : Number(given) / 100,
    status: numberOf(status ?? '500', '--status', 200, 599),
    delayMs: delay === undefined ? 0 : durationOf(delay, '--delay'),
    retryAfter: retryAfter === undefined ? undefined : numberOf(retryAfter, '--retry-after', 0, 86_400),
    publicUrl,
  }
}

function numberOf(text: string, flag: string, least: number, most: number): number {
  const number = Number(text)
  if (/^\d+$/.test(text) && number >= least && number <= most) return number
  throw misused(`${flag} ${text}: must be a whole number from ${least} to ${most}`)
}
