import { z } from 'zod'
import { PageQuery, time } from './list.ts'

/** Users and teams, for webhooks that tell owners, followers or admins. */
const name = (what: string) =>
  z
    .string()
    .min(1)
    .max(256)
    .regex(/^\P{Cc}*$/u, 'must not have control characters')
    .describe(what)
const userName = name("The user's name, as owners and followers are named in events: `ada`.")
const teamName = name("The team's name, as owners are named in events: `data-engineering`.")

const common = {
  display_name: z.string().min(1).max(256).nullable().default(null).describe('A name for people.'),
  email: z.email().max(320).nullable().default(null).describe('Their address, for receivers of events; Tidings itself sends no mail.'),
  webhook_id: z
    .string()
    .min(1)
    .max(100)
    .nullable()
    .default(null)
    .describe('Id of a webhook of their own: they get the event there, whatever it subscribes to.'),
}
const isAdmin = z.boolean().default(false).describe('Whether they are among those whom a webhook for `admins` tells.')
const members = z
  .array(userName)
  .max(5_000)
  .transform((names) => [...new Set(names)])
  .default([])
  .describe('Names of the users of the team, who are told with it; they need not be in the directory.')

export const UserInput = z
  .strictObject({ ...common, is_admin: isAdmin })
  .meta({ id: 'DirectoryUserInput', example: { display_name: 'Ada Lovelace', email: 'ada@example.com', is_admin: true } })
export const TeamInput = z
  .strictObject({ ...common, members })
  .meta({ id: 'DirectoryTeamInput', example: { display_name: 'Data engineering', members: ['ada'] } })

const filledBy = {
  source: z.string().nullable().describe('The source that filled it in; null: somebody wrote it here.'),
  updated_at: time('When it was last written.'),
}
const shown = {
  display_name: z.string().nullable(),
  email: z.string().nullable(),
  webhook_id: z.string().nullable().describe('A webhook of their own; null: none, or one that was removed.'),
}
export const User = z.object({ name: z.string(), ...shown, is_admin: z.boolean(), ...filledBy }).meta({ id: 'DirectoryUser' })
export const Team = z.object({ name: z.string(), ...shown, members: z.array(z.string()), ...filledBy }).meta({ id: 'DirectoryTeam' })

export const UserParam = z.object({ name: userName })
export const TeamParam = z.object({ name: teamName })
export const DirectoryQuery = PageQuery.extend({
  source: z.string().max(100).optional().describe('Only those that this source filled in.'),
})

const once = <T extends { name: string }>(entries: T[], context: z.core.$RefinementCtx<T[]>): void => {
  const seen = new Set<string>()
  for (const [i, entry] of entries.entries()) {
    if (seen.has(entry.name)) context.addIssue({ code: 'custom', path: [i, 'name'], message: 'is there twice' })
    seen.add(entry.name)
  }
}

export const DirectoryInput = z
  .strictObject({
    users: z
      .array(UserInput.extend({ name: userName }))
      .superRefine(once)
      .default([]),
    teams: z
      .array(TeamInput.extend({ name: teamName }))
      .superRefine(once)
      .default([]),
  })
  .meta({
    id: 'DirectoryInput',
    example: { users: [{ name: 'ada', email: 'ada@example.com' }], teams: [{ name: 'data-engineering', members: ['ada'] }] },
  })
export type DirectoryInput = z.infer<typeof DirectoryInput>

export const DirectoryFilled = z
  .object({
    written: z.int().describe('Users and teams that stand now as they were given.'),
    removed: z.int().describe('Those that this source had filled in before and did not name now.'),
    kept: z
      .array(z.object({ kind: z.enum(['user', 'team']), name: z.string() }))
      .describe('Those that were given and left as they are, because somebody wrote them here or another source filled them in.'),
  })
  .meta({ id: 'DirectoryFilled' })
