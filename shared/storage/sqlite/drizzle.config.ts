import { defineConfig } from 'drizzle-kit'

export default defineConfig({
  dialect: 'sqlite',
  schema: './shared/storage/sqlite/*schema.ts',
  out: './shared/storage/sqlite/migrations',
})
