const lookEveryMs = 300

/**
 * npm runs a script in a shell, and where that shell stays between us it dies of a SIGTERM without handing it on: we
 * would go on running with nobody to end us. So an end of the shell counts as the signal that it has swallowed.
 */
export function endWithParent() {
  if (!process.env.npm_lifecycle_event) return
  const parent = process.ppid
  const timer = setInterval(() => {
    if (process.ppid === parent) return
    clearInterval(timer)
    process.kill(process.pid, 'SIGTERM')
  }, lookEveryMs)
  timer.unref()
}
