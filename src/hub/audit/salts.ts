import { hash, randomFillSync } from 'node:crypto'

/*
 * The salts of an entry's facts are the output of one extendable function over one secret:
 *   SHAKE256(secret) = salt of the first fact ‖ salt of the second ‖ …   (FIPS 202; by order of names)
 * so that details keep 44 characters instead of 24 a fact. Each salt is as good as a random one of its
 * own: whoever lacks the secret (264 random bits) can tell nothing of one salt from all the others, for
 * an extendable output is one-way and its parts are independent of each other. The secret gives all
 * salts, though. Hence erasing one fact of an entry means to write its details anew with the remaining
 * salts one by one and the erased fact's digest, and without the secret; erasing all means to delete
 * the details. A secret kept beside an erased fact would leave its digest open to guessing.
 */

/** Characters of a salt: base64url of 18 bytes (144 bits; the least is 128), without padding. */
const saltLength = 24
const saltBytes = 18

/** Characters of a secret: base64url of 33 random bytes, without padding. */
const secretLength = 44
const secretBytes = 33

/** Random bytes are drawn and written out for many entries at once: each draw is costly, whatever its size. */
const pool = Buffer.allocUnsafe(secretBytes * 1024)
let drawn = ''
let drawnAt = 0

export function drawSecret(): string {
  if (drawnAt === drawn.length) {
    drawn = randomFillSync(pool).toString('base64url')
    drawnAt = 0
  }
  return drawn.slice(drawnAt, (drawnAt += secretLength))
}

/** The first salts of a secret, one after the other: `saltAt` takes them apart. */
export const expandSalts = (secret: string, count: number): string =>
  hash('shake256', secret, { outputEncoding: 'base64url', outputLength: count * saltBytes })

export const saltAt = (salts: string, index: number): string =>
  salts.slice(index * saltLength, (index + 1) * saltLength)
