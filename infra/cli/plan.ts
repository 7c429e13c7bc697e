import type { Command } from 'commander'
import { action, type Context } from './common/context.ts'
import type { Env } from './common/io.ts'

type Options = { file: string; prune?: boolean; secrets?: boolean }

export const fileOption = ['-f, --file <file>', 'the registry as YAML; - is stdin', 'tidings.yaml'] as const

/** `tidings plan`: what `tidings apply` would do. */
export function addPlan(program: Command, env: Env): void {
  const command = program
    .command('plan')
    .description('Compare a file of event types, sources and webhooks with what Tidings has; 2 where they differ')
    .option(...fileOption)
    .option('--prune', 'what the file does not name is to be removed: of the kinds that it names, and webhooks only with a label')
    .option('--secrets', 'secrets are to be sent again')
    .addHelpText('after', example)
  action(command, env, async (context: Context, options: Options) =>
    (await import('./registry/compare-file.ts')).compareFile(context, options, { strict: true }),
  )
}

const example = `
  event_types:
    table.updated: { description: A table changed. }
  sources:
    catalog: { adapter: openmetadata, secret: '\${CATALOG_SECRET}' }
  webhooks:
    sales:
      url: https://example.com/hooks/tidings
      subscriptions: ['table.*', { event_type: '*.deleted', filters: { domains: [Sales] } }]
      fallback: pager
    pager: { url: 'https://events.pagerduty.com/v2/enqueue', format_settings: { routing_key: '\${PAGER_KEY}' } }

\${NAME} is the variable NAME, or the file that NAME_FILE names; $\${NAME} is the text itself. What is left out is the default.`
