import { pino, type Logger } from 'pino'

export type { Logger }

/** One JSON line per fact. Bodies, secrets and signatures are never put into a line; the paths are a second belt. */
export const createLogger = (name: string, level: string): Logger =>
  pino({
    name,
    level,
    redact: {
      paths: [
        'secret',
        'secrets',
        '*.secret',
        '*.secrets',
        'authorization',
        '*.authorization',
        'headers',
        '*.headers',
        'masterKey',
        '*.masterKey',
        'body',
        '*.body',
      ],
      censor: '[hidden]',
    },
    serializers: { err: pino.stdSerializers.err },
  })
