/**
 * The format that a receiver's URL calls for: chat services and PagerDuty take nothing but their own. Asked when a
 * webhook is created without a format; undefined where the URL says nothing.
 */
type Known = { format: string; host: RegExp; path?: RegExp }

const known: Known[] = [
  { format: 'slack', host: /^hooks\.slack(-gov)?\.com$/, path: /^\/services\// },
  // Office 365 connectors, old and new hosts
  { format: 'msteams', host: /^outlook\.office(365)?\.com$/, path: /^\/webhook\// },
  { format: 'msteams', host: /(^|\.)webhook\.office\.com$/ },
  // Power Automate workflows that an HTTP request starts, old and new hosts
  { format: 'msteams', host: /\.logic\.azure\.(com|us|cn)$/, path: /^\/workflows\// },
  { format: 'msteams', host: /\.environment\.api\.powerplatform\.(com|us|cn)$/, path: /\/workflows\// },
  { format: 'googlechat', host: /^chat\.googleapis\.com$/, path: /^\/v1\/spaces\// },
  { format: 'pagerduty', host: /^events\.(eu\.)?pagerduty\.com$/, path: /^\/v2\/enqueue\/?$/ },
]

export function formatByUrl(url: string): string | undefined {
  if (!URL.canParse(url)) return undefined
  const { hostname, pathname } = new URL(url)
  // a full stop at the end names the same host
  const name = hostname.replace(/\.$/, '')
  return known.find(({ host, path }) => host.test(name) && (!path || path.test(pathname)))?.format
}

/**
 * The routing key of a PagerDuty webhook that gives it as `Authorization: Token token=…`, the way OpenMetadata documents it.
 * Events API v2 does not look at that header: it wants the key in the body.
 */
export function routingKeyOf(headers: Record<string, string>): string | undefined {
  const authorization = Object.entries(headers).find(([name]) => name.toLowerCase() === 'authorization')?.[1]
  return /^\s*Token\s+token\s*=\s*"?([\x21\x23-\x7e]{1,32})"?\s*$/i.exec(authorization ?? '')?.[1]
}
