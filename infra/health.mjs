/** Whether the process that listens here lives, for the health check of an image: one that can run no curl. */
const answer = await fetch(`http://127.0.0.1:${process.env.PORT ?? 8400}/healthz`).catch((error) => error)
if (answer.ok !== true) {
  console.error(answer instanceof Error ? answer.message : `/healthz answers ${answer.status}`)
  process.exitCode = 1
}
