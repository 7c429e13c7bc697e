import { customType } from 'drizzle-orm/pg-core'

/** What no text of Postgres can hold, U+0000 and half a character, is marked: a receiver may answer anything. */
export const clean = (value: string): string =>
  /[\0\ud800-\udfff]/.test(value) ? Buffer.from(value.replaceAll('\0', '\uFFFD')).toString() : value

/**
 * Text in the order of its bytes, whatever the database was created with: ids then grow with time, pages follow SQLite's
 * order, and a prefix is found along an index.
 */
export const text = customType<{ data: string; driverData: string }>({ dataType: () => 'text COLLATE "C"', toDriver: clean })

/** Stored as it was written, in `json` and not `jsonb`, which refuses U+0000. It has no `=`: compare `column::text`. */
const jsonText = customType<{ data: unknown; driverData: string }>({
  dataType: () => 'json',
  toDriver: (value) => JSON.stringify(value),
  fromDriver: (value) => JSON.parse(value),
})
export const json = <T>(name: string) => jsonText(name).$type<T>()

export const bytes = customType<{ data: Uint8Array; driverData: Uint8Array }>({
  dataType: () => 'bytea',
  fromDriver: ({ buffer, byteOffset, byteLength }) => new Uint8Array(buffer, byteOffset, byteLength),
})
