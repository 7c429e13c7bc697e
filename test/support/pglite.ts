import { PGlite } from '@electric-sql/pglite'
import { EventEmitter } from 'node:events'
import pg from 'pg'

type Config = string | { text: string; values?: unknown[]; rowMode?: 'array' }
type Result = { rows: unknown[]; rowCount: number; fields: unknown[] }

const { builtins } = pg.types
/** As the driver reads them. */
const parsers = {
  [builtins.INT8]: Number,
  [builtins.NUMERIC]: Number,
  [builtins.JSON]: (text: string) => text,
  [builtins.BYTEA]: (text: string) => Buffer.from(text.slice(2), 'hex'),
}

/** PGlite has one connection: whoever has it keeps it until the end of a transaction, as the others wait. */
export class PGlitePool extends EventEmitter {
  readonly #database = new PGlite()
  #free: Promise<unknown> = Promise.resolve()

  async connect() {
    let done: () => void = () => {}
    const before = this.#free
    this.#free = new Promise<void>((resolve) => (done = resolve))
    await before
    return { query: (config: Config, values?: unknown[]) => this.#run(config, values), release: () => done() }
  }

  async query(config: Config, values?: unknown[]): Promise<Result> {
    const client = await this.connect()
    try {
      return await client.query(config, values)
    } finally {
      client.release()
    }
  }

  async end(): Promise<void> {
    await this.#free
    await this.#database.close()
  }

  async #run(config: Config, values: unknown[] = []): Promise<Result> {
    const { text, values: own, rowMode } = typeof config === 'string' ? { text: config } : config
    const { rows, fields, affectedRows } = await this.#database.query(text, own ?? values, { parsers, ...(rowMode && { rowMode }) })
    return { rows, rowCount: rows.length > 0 ? rows.length : (affectedRows ?? 0), fields }
  }
}
