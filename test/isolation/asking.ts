export type Asking = { url: string; key: string; perSecond: number; seconds: number }
export type Asked = { status: number; ms: number }

/** Posts events at a steady rate, whatever the answers do, and notes how each was answered and after how long. */
export async function ask({ url, key, perSecond, seconds }: Asking): Promise<Asked[]> {
  const answers: Promise<Asked>[] = []
  const startedAt = performance.now()
  const body = JSON.stringify({ type: 'flood.changed', data: {} })
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
  for (let asked = 0; asked < perSecond * seconds; ) {
    for (const due = Math.min(perSecond * seconds, ((performance.now() - startedAt) / 1_000) * perSecond); asked < due; asked++) {
      const from = performance.now()
      answers.push(
        fetch(`${url}/events`, { method: 'POST', body, headers }).then(async (response) => {
          await response.arrayBuffer()
          return { status: response.status, ms: performance.now() - from }
        }),
      )
    }
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  return Promise.all(answers)
}
