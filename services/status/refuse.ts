import { Problem, invalid } from '../../shared/problem.ts'

/** One answer for what does not exist and for what belongs to somebody else. */
export const notFound = (what: string, id: string): Problem => new Problem('not_found', `there is no ${what} "${id}"`)

type Issue = { path: PropertyKey[]; message: string; code?: string; expected?: string; errors?: Issue[][]; issues?: Issue[] }

/**
 * Where a value may take several forms, zod only says that none fits. Of the forms, the one that was got furthest
 * into is the one that was meant; its issues are the ones worth telling.
 */
export const invalidIn = (issues: readonly unknown[], prefix = ''): Problem => invalid((issues as Issue[]).flatMap(nearest), prefix)

function nearest(issue: Issue): Issue[] {
  // zod says of a member's name only that it is wrong; why stands inside
  if (issue.code === 'invalid_key' && issue.issues?.length) return issue.issues.map(({ message }) => ({ path: issue.path, message }))
  if (issue.code === 'invalid_type' && issue.message.endsWith('received undefined'))
    return [{ path: issue.path, message: `is missing: ${issue.expected}` }]
  if (issue.code !== 'invalid_union' || !issue.errors?.length) return [issue]
  const forms = issue.errors.map((form) => form.flatMap(nearest))
  const [best = []] = forms.sort((a, b) => depthOf(b) - depthOf(a) || a.length - b.length)
  return best.map((inner) => ({ ...inner, path: [...issue.path, ...inner.path] }))
}

const depthOf = (issues: Issue[]) => Math.max(0, ...issues.map((issue) => issue.path.length))
