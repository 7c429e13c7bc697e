import { Option, type Command } from 'commander'
import type { z } from 'zod'
import { variableName } from '../../shared/settings.ts'
import { standaloneSettings } from '../settings.ts'
import type { Env } from './common/io.ts'

/** Never as an argument: those can be read by every process of the machine. */
const secret = new Set(['masterKey'])
const flagOf = (key: string) => key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)

/** `tidings up`: what `npm start` does, by the same code. A flag goes before its variable. */
export function addUp(program: Command, env: Env): void {
  const command = program.command('up').description('Start a whole Tidings on one port, as `npm start` does; Ctrl-C ends it')
  const keys = Object.keys(standaloneSettings.shape) as (keyof typeof standaloneSettings.shape)[]
  for (const key of keys) {
    const about = (standaloneSettings.shape[key] as z.ZodType).description ?? ''
    const [flag, text] = secret.has(key)
      ? [`--${flagOf(key)}-file <file>`, `a file with it: ${about}`]
      : [`--${flagOf(key)} <value>`, about]
    command.addOption(new Option(flag, `${text} (${variableName(key)})`))
  }
  command.addHelpText('after', '\nAll other settings are environment variables: .env.example has them, `tidings config check` judges them.')
  command.action(async (options: Record<string, string>) => {
    const given: Env = {}
    // a file that the environment names would go before the value itself
    for (const [key, value] of Object.entries(options))
      Object.assign(given, { [`${variableName(key)}_FILE`]: undefined, [variableName(key)]: value })
    const { standalone } = await import('../standalone.ts')
    await standalone({ ...env, ...given })
  })
}
