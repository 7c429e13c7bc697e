/** What carries a credential, by its name: query parameters, settings. */
export const secretName = /key|token|sig|secret|pass|auth|code|credential/i
/** Receivers whose URL is itself the secret. */
const secretHost =
  /(^|\.)(hooks\.slack\.com|discord\.com|discordapp\.com|outlook\.office\.com|webhook\.office\.com|logic\.azure\.com|chat\.googleapis\.com|hooks\.zapier\.com)$/
/** A path segment that nobody would type: a token, most likely. */
const secretSegment = /^(?=.*\d)(?=.*[A-Za-z])[A-Za-z0-9_-]{16,}$/

/**
 * A URL for someone who may look but not change: whoever reads the whole URL of a Slack webhook can post there. Says
 * too little rather than too much.
 */
export function maskUrl(text: string): string {
  if (!URL.canParse(text)) return text
  const url = new URL(text)
  const isSecretPath = secretHost.test(url.hostname)
  const path = url.pathname
    .split('/')
    .map((segment, i) => (segment !== '' && (secretSegment.test(segment) || (isSecretPath && i > 1)) ? '***' : segment))
  const query = [...url.searchParams].map(
    ([name, value]) =>
      `${encodeURIComponent(name)}=${secretName.test(name) || secretSegment.test(value) ? '***' : encodeURIComponent(value)}`,
  )
  return `${url.origin}${path.join('/')}${query.length > 0 ? `?${query.join('&')}` : ''}`
}
