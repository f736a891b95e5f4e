import { randomFillSync } from 'node:crypto'
import { v7 } from 'uuid'

/** Random bytes are drawn for many ids at once: a draw for each costs more than all else about an id. */
const idBytes = 16
const pool = Buffer.allocUnsafe(idBytes * 1024)
let drawnAt = pool.length

function drawBytes(): Buffer {
  if (drawnAt === pool.length) {
    randomFillSync(pool)
    drawnAt = 0
  }
  return pool.subarray(drawnAt, (drawnAt += idBytes))
}

let lastAt = 0
let sequence = 0

/**
 * An entry's UUIDv7. Those of one process ascend: within a millisecond they count on from a random
 * number of 31 bits, and a clock that is set back does not take them along (RFC 9562, section 6.2).
 */
export function createEntryId(now: number = Date.now()): string {
  const random = drawBytes()
  if (now > lastAt) {
    lastAt = now
    sequence = random.readUInt32BE(6) >>> 1
  } else if (sequence === 0xffff_ffff) {
    lastAt++
    sequence = 0
  } else sequence++
  return v7({ random, msecs: lastAt, seq: sequence })
}
