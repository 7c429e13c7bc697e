/** `.env.example`: every setting of every process, from the schemas that read them. */
export async function environmentExample() {
  const [{ variableName }, { standaloneSettings }, { ingestSettings }, { dispatcherSettings }, { statusSettings }] = await Promise.all(
    [
      'shared/settings.js',
      'infra/settings.js',
      'services/ingest/settings.js',
      'services/dispatcher/settings.js',
      'services/status/settings.js',
    ].map((path) => import(`../../dist/${path}`)),
  )
  const readers = { 'npm start': standaloneSettings, ingest: ingestSettings, dispatcher: dispatcherSettings, status: statusSettings }
  const blocks = [...collect(readers)].map(([key, { field, by }]) => block(variableName(key), field, by))
  return `${[heading, ...blocks].join('\n\n')}\n`
}

const heading = [
  '# Every setting, with its default. Generated from the schemas in */settings.ts: `npm run generate`.',
  '# `X_FILE` names a file whose content is the value of `X`, for each of them.',
  '# `npm start` reads its own and hands all on to the services.',
].join('\n')

/** Each setting once, with who reads it; the first to name it describes it. */
function collect(readers) {
  const settings = new Map()
  for (const [name, schema] of Object.entries(readers)) {
    for (const [key, field] of Object.entries(schema.shape)) {
      const known = settings.get(key)
      if (known) known.by.push(name)
      else settings.set(key, { field, by: [name] })
    }
  }
  return settings
}

function block(name, field, by) {
  return [`# ${field.description ?? ''}`, `# Read by: ${by.join(', ')}.`, `#${name}=${defaultOf(name, field)}`].join('\n')
}

/** As a person would write it; what depends on the machine or has to be given is left empty. */
function defaultOf(name, field) {
  if (name === 'DISPATCHERS') return ''
  const parsed = field.safeParse(undefined)
  return parsed.success && parsed.data !== undefined ? String(parsed.data) : ''
}
