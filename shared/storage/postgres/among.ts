import { sql, type SQL, type SQLWrapper } from 'drizzle-orm'
import { clean } from './columns.ts'

/** One parameter, however many they are. */
export const among = (column: SQLWrapper, values: string[]): SQL => sql`${column} = any(${sql.param(values.map(clean))}::text[])`
