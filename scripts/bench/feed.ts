import { createReadStream, createWriteStream } from 'node:fs'
import { request } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'

const pieceBytes = 1024 * 1024

/** Lines joined to pieces of about a megabyte, so that a stream of rows costs what its bytes cost. */
export function* pieces(lines: Iterable<string>): Generator<Buffer> {
  let text: string[] = []
  let length = 0
  for (const line of lines) {
    text.push(line)
    length += line.length
    if (length < pieceBytes / 2) continue
    yield Buffer.from(text.join(''))
    text = []
    length = 0
  }
  if (length > 0) yield Buffer.from(text.join(''))
}

/** Rows are made before anything is measured: what is sent afterwards is read from a file. */
export const writeFeed = (path: string, lines: Iterable<string>): Promise<void> =>
  pipeline(Readable.from(pieces(lines)), createWriteStream(path))

export const readFeed = (path: string): Readable =>
  createReadStream(path, { highWaterMark: pieceBytes })

export interface Push {
  url: string
  token: string
  mediaType: string
  body: Readable
}

export interface Pushed {
  runId: string
  state: string
  counts: Record<string, number>
  rejects: { code: string; message: string }[]
  lastSeq: number | null
}

/** One streamed push; `node:http`, since `fetch` gives up on an answer that takes five minutes. */
export function push({ url, token, mediaType, body }: Push): Promise<Pushed> {
  const { promise, resolve, reject } = Promise.withResolvers<Pushed>()
  const headers = { authorization: `Bearer ${token}`, 'content-type': mediaType }
  const sending = request(url, { method: 'POST', headers }, (answer) => {
    const chunks: Buffer[] = []
    answer.on('data', (chunk: Buffer) => chunks.push(chunk))
    answer.on('error', reject)
    answer.on('end', () => {
      const text = Buffer.concat(chunks).toString()
      if (answer.statusCode !== 200)
        reject(new Error(`${url}: ${answer.statusCode} ${text.slice(0, 2000)}`))
      else resolve(JSON.parse(text) as Pushed)
    })
  })
  sending.on('error', reject)
  pipeline(body, sending).catch(reject)
  return promise
}
