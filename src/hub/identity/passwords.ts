import { randomBytes, scrypt, type ScryptOptions, timingSafeEqual } from 'node:crypto'

/** OWASP's second choice of parameters for scrypt: 2^16 × 8 × 2, 64 MiB; about a fifth of a second. */
const cost = { N: 2 ** 16, r: 8, p: 2 } as const
const saltBytes = 16
const hashBytes = 32

const derive = (password: string, salt: Buffer, options: ScryptOptions): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const memory = 256 * (options.N ?? cost.N) * (options.r ?? cost.r)
    // NFC: the same password typed on another keyboard may come in another composition.
    scrypt(
      password.normalize('NFC'),
      salt,
      hashBytes,
      { ...options, maxmem: memory },
      (error, key) => (error ? reject(error) : resolve(key)),
    )
  })

/** `scrypt$N$r$p$salt$hash`, so that the cost can be raised later without losing anyone. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(saltBytes)
  const hash = await derive(password, salt, cost)
  const parts = [
    'scrypt',
    cost.N,
    cost.r,
    cost.p,
    salt.toString('base64url'),
    hash.toString('base64url'),
  ]
  return parts.join('$')
}

/**
 * Whether it is the password. Takes as long where there is no hash to compare with, so that the time
 * does not tell which accounts exist.
 */
export async function passwordMatches(password: string, stored: string | null): Promise<boolean> {
  const [scheme, N, r, p, salt = '', hash = ''] = (stored ?? '').split('$')
  if (scheme !== 'scrypt') {
    await derive(password, Buffer.alloc(saltBytes), cost)
    return false
  }
  const expected = Buffer.from(hash, 'base64url')
  const options = { N: Number(N), r: Number(r), p: Number(p) }
  const found = await derive(password, Buffer.from(salt, 'base64url'), options)
  return expected.length === found.length && timingSafeEqual(expected, found)
}
