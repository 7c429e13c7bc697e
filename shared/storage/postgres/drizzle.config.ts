import { defineConfig } from 'drizzle-kit'

export default defineConfig({
  dialect: 'postgresql',
  schema: './shared/storage/postgres/*schema.ts',
  out: './shared/storage/postgres/migrations',
})
