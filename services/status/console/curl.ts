import type { Attempt } from '../../../shared/contracts/api/delivery.ts'

/** In single quotes nothing means anything to a shell but the quote itself. */
const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`

/** The request of an attempt, to be made again by hand. Headers whose values are hidden are named in a comment. */
export function curlOf({ request }: Attempt): string | undefined {
  if (!request) return undefined
  const entries = Object.entries(request.headers).filter(([name]) => !/^(content-length|host|connection)$/.test(name))
  const hidden = entries.filter(([, value]) => value === '[hidden]')
  const shown = entries.filter(([, value]) => value !== '[hidden]')
  const data =
    request.body === null ? [] : request.body_encoding === 'base64' ? [`  --data-binary @-`] : [`  --data-binary ${quoted(request.body)}`]
  const lines = [`curl -X POST ${quoted(request.url)}`, ...shown.map(([name, value]) => `  -H ${quoted(`${name}: ${value}`)}`), ...data]
  const pipe = request.body !== null && request.body_encoding === 'base64' ? `printf %s ${quoted(request.body)} | base64 -d | ` : ''
  const note = hidden.length > 0 ? `# add, hidden here: ${hidden.map(([name]) => name).join(', ')}\n` : ''
  return `${note}${pipe}${lines.join(' \\\n')}`
}
