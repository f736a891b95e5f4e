import type { Pool } from 'pg'
import { Refusal } from '../../shared/refusal.ts'
import { intakeLimits } from './limits.ts'

/**
 * Bodies of calls that asked to be answered before their rows have landed. They lie in the database, as
 * sent, so that any process can take the run up when the one that accepted it dies.
 */
export function bodyStore(db: Pick<Pool, 'query'>) {
  return {
    keep: async (runId: string, bytes: AsyncIterable<Uint8Array>): Promise<void> => {
      let piece = 0
      for await (const chunk of pieces(bytes)) {
        if (piece * intakeLimits.storedPieceBytes >= intakeLimits.storedBodyBytesMax) throw tooLarge()
        await db.query('insert into hub.run_bodies (run_id, piece, bytes) values ($1, $2, $3)', [
          runId,
          piece,
          chunk,
        ])
        piece += 1
      }
    },
    read: async function* (runId: string): AsyncGenerator<Uint8Array> {
      for (let piece = 0; ; piece += 1) {
        const { rows } = await db.query<{ bytes: Buffer }>(
          'select bytes from hub.run_bodies where run_id = $1 and piece = $2',
          [runId, piece],
        )
        const [found] = rows
        if (found === undefined) return
        yield found.bytes
      }
    },
    forget: (runId: string) => db.query('delete from hub.run_bodies where run_id = $1', [runId]),
  }
}

async function* pieces(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  let waiting: Uint8Array[] = []
  let waitingBytes = 0
  for await (const chunk of bytes) {
    waiting.push(chunk)
    waitingBytes += chunk.length
    if (waitingBytes < intakeLimits.storedPieceBytes) continue
    yield Buffer.concat(waiting)
    waiting = []
    waitingBytes = 0
  }
  if (waitingBytes > 0) yield Buffer.concat(waiting)
}

const tooLarge = (): Refusal =>
  new Refusal(
    'payload-too-large',
    '异步处理的内容过大,请分批提交 / The body is too large to be processed later; send it as a long load in batches',
  )
