import type { Source } from '../../../shared/contracts/api/source.ts'

/** How one points a system at a source: what to do there, and lines to be copied. */
export type Way = { how: string; lines: string }
type Place = { origin: string; address: string; host: string }

const curl = (address: string, body: string, header = 'Authorization: Bearer $TIDINGS_KEY', type = 'application/json') =>
  [`curl ${address} \\`, `  -H '${header}' -H 'Content-Type: ${type}' \\`, `  -d '${body}'`].join('\n')

/** Services that are told in a form of their own: an address, and the secret beside it. */
const inForm =
  (where: string) =>
  ({ address }: Place): Way => ({ how: `${where}: give this address, and the secret of this source.`, lines: address })

const ways: Record<string, (place: Place) => Way> = {
  openmetadata: inForm(
    'In OpenMetadata under Settings, Notifications, add an alert with a webhook as destination. Endpoint URL and Secret Key',
  ),
  foundry: inForm('In Foundry, register a webhook for the ontology, dataset and build events that are wanted'),
  ptolemy: ({ address }) => ({
    how: 'Register this address at Ptolemy, subscribe to what is wanted, and add the secret that its answer shows once to this source.',
    lines: [
      `curl -X POST "$PTOLEMY/webhooks" -H "Authorization: Bearer $PTOLEMY_TOKEN" \\`,
      `  -H 'Content-Type: application/json' -d '{"url": "${address}", "label": "tidings", "active": true}'`,
      `curl -X POST "$PTOLEMY/webhooks/$ID/subscriptions" -H "Authorization: Bearer $PTOLEMY_TOKEN" \\`,
      `  -H 'Content-Type: application/json' -d '{"event_type": "*"}'`,
    ].join('\n'),
  }),
  opteryx: ({ host }) => ({
    how: 'Opteryx posts to /event of the domain that its environment names, and cannot sign: the token in the path is an API key with the scope ingest.',
    lines: `OPTERYX_WEBHOOK_DOMAIN=${host}/in/$TIDINGS_KEY`,
  }),
  sesam: ({ origin, address }) => ({
    how: 'In Sesam, a system with this address and a pipe whose sink posts to it; the token is the secret of this source.',
    lines: JSON.stringify(
      [
        { _id: 'tidings', type: 'system:url', url_pattern: `${origin}/%s`, headers: { Authorization: 'Bearer $SECRET(tidings-token)' } },
        {
          _id: 'to-tidings',
          type: 'pipe',
          source: { type: 'dataset', dataset: 'your-dataset' },
          sink: { type: 'json', system: 'tidings', url: address.slice(origin.length + 1), batch_size: 100 },
        },
      ],
      null,
      2,
    ),
  }),
  github: inForm('In the repository or organization under Settings, Webhooks, Add webhook; content type application/json'),
  gitlab: inForm('In the project or group under Settings, Webhooks; the secret goes into Secret token'),
  hubspot: inForm('In the private app under Webhooks, Target URL; the secret is the client secret of the app'),
  shopify: inForm('In the admin under Settings, Notifications, Webhooks; the signing secret stands below the list'),
  slack: inForm('In the app under Event Subscriptions, Request URL; the secret is the Signing Secret of Basic Information'),
  stripe: inForm('In the dashboard under Developers, Webhooks, Add endpoint; the secret is the signing secret of the endpoint'),
  cloudevents: ({ address }) => ({
    how: 'Any sender of CloudEvents 1.0, in structured, batched or binary mode, with an API key that may ingest.',
    lines: curl(
      address,
      '{"specversion": "1.0", "id": "1", "source": "/catalog", "type": "table.updated", "data": {"rows": 3}}',
      undefined,
      'application/cloudevents+json',
    ),
  }),
  'standard-webhooks': inForm('Any sender of Standard Webhooks'),
  tidings: ({ address }) => ({
    how: 'One event or an array of them, with an API key that may ingest.',
    lines: curl(address, '{"type": "table.updated", "entity": {"type": "table", "name": "warehouse.sales.orders"}, "data": {"rows": 3}}'),
  }),
}

export function wayOf({ adapter, scheme, name }: Source, origin: string): Way {
  const address = `${origin}/sources/${encodeURIComponent(name)}/events`
  const known = ways[adapter]?.({ origin, address, host: origin.replace(/^https?:\/\//, '') })
  if (known) return known
  return {
    how: scheme
      ? `Whatever posts JSON and signs it by the scheme ${scheme} with the secret of this source.`
      : 'Whatever posts JSON, with an API key that may ingest.',
    lines: curl(address, '{"type": "table.updated"}'),
  }
}

export const addressOf = ({ name }: { name: string }, origin: string): string => `${origin}/sources/${encodeURIComponent(name)}/events`
