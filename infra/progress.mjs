/**
 * Says what is under way. On a terminal one moving line with the elapsed time, elsewhere a line at the start and one
 * at the end, so that a build log shows where the time went. Writes to stderr: stdout belongs to the program.
 */
export function createProgress({ quiet = false, stream = process.stderr } = {}) {
  const moving = stream.isTTY === true && !quiet
  const say = (line) => {
    if (!quiet) stream.write(`${line}\n`)
  }
  return {
    say,
    /** Runs one step and shows its title until it ends; a failed step says so and throws on. */
    async step(title, work) {
      const startedAt = Date.now()
      const show = moving ? movingLine(stream, title, startedAt) : say(`· ${title} …`)
      try {
        const result = await work()
        show?.()
        say(`✓ ${title} (${seconds(startedAt)})`)
        return result
      } catch (error) {
        show?.()
        say(`✗ ${title} (${seconds(startedAt)})`)
        throw error
      }
    },
  }
}

function movingLine(stream, title, startedAt) {
  const frames = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏']
  let frame = 0
  const timer = setInterval(() => stream.write(`\r\x1b[2K${frames[frame++ % frames.length]} ${title} ${seconds(startedAt)}`), 100)
  return () => {
    clearInterval(timer)
    stream.write('\r\x1b[2K')
  }
}

const seconds = (since) => `${((Date.now() - since) / 1000).toFixed(1)} s`
