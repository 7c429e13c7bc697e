import { z } from 'zod'

/** RFC 9457 problem details, the body of every refusal. */
export const ProblemDetails = z
  .object({
    type: z.string().describe('A URI reference naming the kind of problem: `/problems/<code>`.'),
    title: z.string().describe('The kind of problem in words; the same for every occurrence.'),
    status: z.int().meta({ description: 'The HTTP status code.', example: 422 }),
    detail: z.string().optional().describe('What is wrong this time, and what would be right.'),
    errors: z
      .array(z.object({ field: z.string().describe('Where: `type`, `[3].entity.name`, `query.limit`.'), message: z.string() }))
      .optional()
      .describe('Each member of the request that was refused.'),
    request_id: z.string().optional().describe('Find the request in the logs by this id.'),
  })
  .describe('A refused request, RFC 9457.')
export type ProblemDetails = z.infer<typeof ProblemDetails>
