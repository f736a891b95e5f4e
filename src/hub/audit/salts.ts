import { hash, randomFillSync } from 'node:crypto'

/*
 * A salt is 144 random bits as 24 characters of base64url (the least is 128), drawn for each digest by
 * itself: nothing that is kept of one digest tells anything of another, so erasing a fact is to delete
 * its value and its salt.
 */
export const saltLength = 24
const saltBytes = 18

/** Random bytes are drawn and written out for many entries at once: each draw is costly, whatever its size. */
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

/** Salts that are written one behind the other, by the names they belong to. */
export const takeApart = (salts: string, names: readonly string[]): Record<string, string> =>
  Object.fromEntries(
    names.map((name, index) => [name, salts.slice(index * saltLength, (index + 1) * saltLength)]),
  )

/** The salts of details of version 1: SHAKE256 (FIPS 202) of their secret, one a fact. */
export const saltsOfSecret = (secret: string, count: number): string =>
  hash('shake256', secret, { outputEncoding: 'base64url', outputLength: count * saltBytes })
