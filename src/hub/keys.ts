import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createPrivateKey,
  type KeyObject,
  randomBytes,
} from 'node:crypto'
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { errorCode } from './error-code.ts'
import { StartRefusal } from './start-refusal.ts'

/** Where the fingerprints of the keys are kept: in the database, apart from the keys. */
export interface FingerprintLedger {
  find(name: string): Promise<string | undefined>
  /** Keeps the first fingerprint of a name; answers the kept one. */
  record(name: string, fingerprint: string): Promise<string>
}

export interface Keys {
  /** HMAC key of subject hashes in the audit log. */
  subjects: Buffer
  /** AES-256 key of source rows in rejects, and of secrets in settings. */
  settings: Buffer
  /** HMAC key of hash masks and masked keys. */
  masks: Buffer
  /** Ed25519 key that signs the log's checkpoints: the last one where it was rotated. */
  signing: KeyObject
  /** Those before it whose files are still there, oldest first. */
  formerSigning: readonly KeyObject[]
  /** Seed of the SM2 key that signs checkpoints beside `signing`; only where 国密 is switched on. */
  guomiSigning?: Buffer
  /** AES-256 key of one month's audit details, `2026-11`; made when first asked for. */
  auditMonth(month: string): Promise<Buffer>
}

const keyBytes = 32

/**
 * Opens the hub's keys; makes those that never existed (folder 0700, files 0600, 32 random bytes as
 * hexadecimal). Refuses (`StartRefusal`) when a key differs from the one whose fingerprint the database
 * knows, or is missing although it is known: a new one would fork the log and make old data unreadable.
 */
export async function openKeys(
  keysDir: string,
  ledger: FingerprintLedger,
  { isGuomi = false }: { isGuomi?: boolean } = {},
): Promise<Keys> {
  mkdirSync(keysDir, { recursive: true, mode: 0o700 })
  const open = (name: string): Promise<Buffer> => openKey({ keysDir, name, ledger })
  const signingNumber = await lastSigningNumber(ledger)
  const [subjects, settings, masks, seed] = await Promise.all(
    ['subjects', 'settings', 'masks', signingName(signingNumber)].map(open),
  )
  if (!subjects || !settings || !masks || !seed) throw new Error('a key is missing')
  const formerSeeds = Array.from({ length: signingNumber - 1 }, (_, index) =>
    readKey(join(keysDir, `${signingName(index + 1)}.key`)),
  )
  const months = new Map<string, Promise<Buffer>>()
  const guomiSigning = isGuomi ? await open('guomi-signing') : undefined
  return {
    ...(guomiSigning && { guomiSigning }),
    subjects,
    settings,
    masks,
    signing: signingKeyOf(seed),
    formerSigning: formerSeeds.filter((former) => former !== undefined).map(signingKeyOf),
    auditMonth: (month) => {
      if (!/^\d{4}-(0[1-9]|1[0-2])$/.test(month)) throw new RangeError(`no month: ${month}`)
      const kept = months.get(month) ?? open(`audit-${month}`)
      months.set(month, kept)
      kept.catch(() => months.delete(month))
      return kept
    },
  }
}

/** `signing.key`, then `signing-2.key`, `signing-3.key`, …: a key that signed is never overwritten. */
const signingName = (number: number): string => (number === 1 ? 'signing' : `signing-${number}`)

async function lastSigningNumber(ledger: FingerprintLedger): Promise<number> {
  let number = 1
  while ((await ledger.find(signingName(number + 1))) !== undefined) number += 1
  return number
}

/**
 * Makes the next signing key, and answers its file. Every process takes it up with its next start: the
 * sealer's next checkpoint then carries both signatures (`seal-keys.ts`). Until then the former file must
 * stay; afterwards nothing needs it any more. Another host of the hub does not start before it has the new
 * file. Rotating twice at once is rotating once.
 */
export async function rotateSigningKey(
  keysDir: string,
  ledger: FingerprintLedger,
): Promise<string> {
  const number = await lastSigningNumber(ledger)
  // Refuses where the keys folder is not the one that signs today.
  await openKey({ keysDir, name: signingName(number), ledger })
  const name = signingName(number + 1)
  await openKey({ keysDir, name, ledger })
  return join(keysDir, `${name}.key`)
}

interface KeyPlace {
  keysDir: string
  name: string
  ledger: FingerprintLedger
}

async function openKey({ keysDir, name, ledger }: KeyPlace): Promise<Buffer> {
  const path = join(keysDir, `${name}.key`)
  const known = await ledger.find(name)
  const present = readKey(path)
  if (!present && known !== undefined) throw keyMissing(path)
  const key = present ?? makeKey(path)
  const kept = known ?? (await ledger.record(name, fingerprintOf(name, key)))
  if (kept !== fingerprintOf(name, key)) throw keyDiffers(path)
  return key
}

function readKey(path: string): Buffer | undefined {
  let text: string
  try {
    text = readFileSync(path, 'utf8').trim()
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined
    throw error
  }
  if (!/^[0-9a-f]{64}$/.test(text)) throw keyUnreadable(path)
  return Buffer.from(text, 'hex')
}

/**
 * Written beside its place and linked into it: complete or not there, and when two processes make the
 * same key at once, both use the one that was linked first.
 */
function makeKey(path: string): Buffer {
  const draft = `${path}.${process.pid}.${randomBytes(4).toString('hex')}`
  writeFileSync(draft, `${randomBytes(keyBytes).toString('hex')}\n`, {
    mode: 0o600,
    flag: 'wx',
    flush: true,
  })
  try {
    linkSync(draft, path)
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error
  } finally {
    rmSync(draft)
  }
  const key = readKey(path)
  if (!key) throw keyUnreadable(path)
  return key
}

/** Tells keys apart without helping to find one: an HMAC under the key itself. */
export function fingerprintOf(name: string, key: Buffer): string {
  return createHmac('sha256', key)
    .update(`shuqiao key fingerprint ${name}`)
    .digest('hex')
    .slice(0, 32)
}

/** The PKCS #8 head of an Ed25519 private key (RFC 8410 §7), which the 32 bytes of the seed follow. */
const ed25519Head = Buffer.from('302e020100300506032b657004220420', 'hex')

function signingKeyOf(seed: Buffer): KeyObject {
  const key = Buffer.concat([ed25519Head, seed])
  return createPrivateKey({ key, format: 'der', type: 'pkcs8' })
}

const nonceBytes = 12
const tagBytes = 16

/**
 * AES-256-GCM: nonce (12 bytes), ciphertext, tag (16). `context` is authenticated but not stored: a
 * sealed value moved to another row or column does not open.
 */
export function seal(plaintext: Buffer, key: Buffer, context: string): Buffer {
  const nonce = randomBytes(nonceBytes)
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(context))
  return Buffer.concat([nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()])
}

/** The plaintext of `seal`; throws when the key, the context or a single bit is another. */
export function unseal(sealed: Buffer, key: Buffer, context: string): Buffer {
  if (sealed.length < nonceBytes + tagBytes) throw new RangeError('sealed value is too short')
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, nonceBytes), {
    authTagLength: tagBytes,
  })
  decipher.setAAD(Buffer.from(context)).setAuthTag(sealed.subarray(-tagBytes))
  return Buffer.concat([decipher.update(sealed.subarray(nonceBytes, -tagBytes)), decipher.final()])
}

function keyDiffers(path: string): StartRefusal {
  return new StartRefusal(
    `密钥 ${path} 与本库首次启动时登记的不同:这台主机使用了另一套密钥,未启动。请把原密钥目录复制到本机并用 SHUQIAO_KEYS_DIR 指定。` +
      ` / Key ${path} is not the one this database was first started with: this host has other keys. ` +
      'Copy the original keys folder here and name it in SHUQIAO_KEYS_DIR.',
  )
}

function keyMissing(path: string): StartRefusal {
  return new StartRefusal(
    `缺少密钥 ${path},而数据库已登记过它。请从备份恢复密钥目录,或用 SHUQIAO_KEYS_DIR 指定;不会生成新的密钥。` +
      ` / Key ${path} is missing although the database knows it. Restore the keys folder from a backup, or ` +
      'name it in SHUQIAO_KEYS_DIR; no new key is made.',
  )
}

function keyUnreadable(path: string): StartRefusal {
  return new StartRefusal(
    `密钥文件 ${path} 不是 64 位十六进制数。 / Key file ${path} does not hold 64 hexadecimal digits.`,
  )
}
