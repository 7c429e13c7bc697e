import { connect } from 'node:net'

const timeoutMs = 2_000

/**
 * One command to a Redis on a unix socket and its reply as text. A client library would keep trying to connect, which
 * is what must not happen here: whether somebody answers is the question.
 */
export function ask(socketPath: string, command: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(socketPath)
    let received = ''
    const end = (settle: () => void) => {
      socket.destroy()
      settle()
    }
    socket.setTimeout(timeoutMs, () => end(() => reject(new Error(`no answer within ${timeoutMs} ms`))))
    socket.once('error', (error) => end(() => reject(error)))
    socket.once('close', () => reject(new Error('the connection was closed')))
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      received += chunk
      const reply = wholeReply(received)
      if (reply !== undefined) end(() => resolve(reply))
    })
    socket.write(`*${command.length}\r\n${command.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`)
  })
}

/** Status, error, integer and bulk replies: all that is asked for here. */
function wholeReply(text: string): string | undefined {
  const end = text.indexOf('\r\n')
  if (end < 0) return undefined
  const line = text.slice(1, end)
  if (text[0] !== '$') return line
  const bulk = text.slice(end + 2)
  return Buffer.byteLength(bulk) >= Number(line) + 2 ? bulk.slice(0, -2) : undefined
}
