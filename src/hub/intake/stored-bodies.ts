import type { Pool } from 'pg'
import { Refusal } from '../../shared/refusal.ts'
import { intakeLimits } from './limits.ts'

/**
 * Bodies of calls that asked to be answered before their rows have landed. They lie in the database, as
 * sent, so that any process can take the run up when the one that accepted it dies. An empty piece ends a
 * body: without it the caller has not been answered, and what lies there is never worked off.
 */
export function bodyStore(
  db: Pick<Pool, 'query'>,
  { storedPieceBytes, storedBodyBytesMax }: StoredBodyLimits = intakeLimits,
) {
  const add = (runId: string, piece: number, bytes: Buffer) =>
    db.query('insert into hub.run_bodies (run_id, piece, bytes) values ($1, $2, $3)', [
      runId,
      piece,
      bytes,
    ])
  return {
    keep: async (runId: string, bytes: AsyncIterable<Uint8Array>): Promise<void> => {
      let piece = 0
      let byteCount = 0
      for await (const chunk of pieces(bytes, storedPieceBytes)) {
        byteCount += chunk.length
        if (byteCount > storedBodyBytesMax) throw tooLarge(storedBodyBytesMax)
        await add(runId, piece, chunk)
        piece += 1
      }
      await add(runId, piece, Buffer.alloc(0))
    },
    read: async function* (runId: string): AsyncGenerator<Uint8Array> {
      for (let piece = 0; ; piece += 1) {
        const { rows } = await db.query<{ bytes: Buffer }>(
          'select bytes from hub.run_bodies where run_id = $1 and piece = $2',
          [runId, piece],
        )
        const [found] = rows
        if (found === undefined) throw new Error(`The stored body of run ${runId} has no end`)
        if (found.bytes.length === 0) return
        yield found.bytes
      }
    },
    forget: (runId: string) => db.query('delete from hub.run_bodies where run_id = $1', [runId]),
  }
}

export interface StoredBodyLimits {
  storedPieceBytes: number
  storedBodyBytesMax: number
}

async function* pieces(
  bytes: AsyncIterable<Uint8Array>,
  storedPieceBytes: number,
): AsyncGenerator<Buffer> {
  let waiting: Uint8Array[] = []
  let waitingBytes = 0
  for await (const chunk of bytes) {
    waiting.push(chunk)
    waitingBytes += chunk.length
    if (waitingBytes < storedPieceBytes) continue
    yield Buffer.concat(waiting)
    waiting = []
    waitingBytes = 0
  }
  if (waitingBytes > 0) yield Buffer.concat(waiting)
}

const tooLarge = (bytesMax: number): Refusal =>
  new Refusal(
    'payload-too-large',
    `异步处理的内容超过 ${bytesMax} 字节,请分批提交 / A body that is processed later holds at most ${bytesMax} bytes; send it as a long load in batches`,
  )
