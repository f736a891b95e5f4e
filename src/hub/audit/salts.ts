import { randomFillSync } from 'node:crypto'

/** Characters of a salt: base64url of 18 random bytes (144 bits; the least is 128), without padding. */
export const saltLength = 24
const saltBytes = 18

/** Random bytes are drawn and written out for many salts at once: each draw is costly, whatever its size. */
const pool = Buffer.allocUnsafe(saltBytes * 4096)
let drawn = ''
let drawnAt = 0

export function drawSalt(): string {
  if (drawnAt === drawn.length) {
    drawn = randomFillSync(pool).toString('base64url')
    drawnAt = 0
  }
  return drawn.slice(drawnAt, (drawnAt += saltLength))
}
