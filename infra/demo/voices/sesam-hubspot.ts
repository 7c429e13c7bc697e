import { json, type Voice } from '../voice.ts'
import { hubspotEvent } from './hubspot.ts'

/**
 * A pipe of Sesam that receives HubSpot's events, `hubspot-company-event`: an expression in place of a scheme, ids from
 * where HubSpot has them, and of all that comes only the companies. A contact is in each request, taken and forgotten.
 */
const header = 'X-Sesam-Signature'

export default {
  name: 'sesam-hubspot',
  door: 'source',
  setup: {
    adapter: 'sesam',
    scheme: 'sesam-hmac',
    scheme_params: { header },
    settings: {
      datatype: 'company',
      id_from: ['objectId', 'fromObjectId'],
      validation_expression: `{% if request_headers['${header}'] == b64encode(hmacsha256digest(secret('webhook_secret'), request_body)) %}{% else %}FAIL!{% endif %}`,
      subset: ['eq', ['matches', 'company.*', ['list', '_S.subscriptionType']], true],
    },
    path: (source) => `/api/receivers/${source}/entities`,
  },
  forms: [
    {
      weight: 1,
      size: [1, 4],
      tell: (events) => {
        const contacts = events.slice(0, 1).map((event) => hubspotEvent(event, 'contact'))
        const companies = events.map((event) => hubspotEvent(event))
        return { headers: json, body: JSON.stringify([...contacts, ...companies]) }
      },
    },
  ],
} satisfies Voice
