import { createSecretKey, hash, type KeyObject } from 'node:crypto'
import type { Keys } from '../keys.ts'

/** The secrets that the log works with, kept in files outside the database. */
export interface AuditKeys {
  /** Key of the subject and case hashes: the same for ever, so that one probe finds all years. */
  subjects: KeyObject
  /** The key that seals the details of a month's entries (`2026-01`, UTC): at once when it is known. */
  month(month: string): KeyObject | Promise<KeyObject>
}

/** As key objects, which node:crypto takes up several times faster than bytes. */
export function openAuditKeys(keys: Pick<Keys, 'subjects' | 'auditMonth'>): AuditKeys {
  const months = new Map<string, KeyObject>()
  const open = async (month: string): Promise<KeyObject> => {
    const key = createSecretKey(await keys.auditMonth(month))
    months.set(month, key)
    return key
  }
  return {
    subjects: createSecretKey(keys.subjects),
    month: (month) => months.get(month) ?? open(month),
  }
}

/** Cannot be a resource's id, which is a slug: case hashes never equal a subject's. */
const caseNamespace = '#case'

/** Truncated as RFC 2104, section 5 allows: among 10^12 records two alike have a chance of 10^-15. */
const hashBytes = 16

/**
 * The first 16 bytes of HMAC-SHA-256(key, resource ‖ 0x00 ‖ merge key): finds a record's entries
 * without naming it.
 */
export function hashSubject(subjectsKey: KeyObject, resource: string, key: string): Buffer {
  const { inner, outer } = padsOf(subjectsKey)
  const innerDigest = hash('sha256', withText(inner, `${resource}\0${key}`), 'hex')
  outer.write(innerDigest, blockBytes, 'hex')
  return Buffer.from(hash('sha256', outer, 'hex').slice(0, hashBytes * 2), 'hex')
}

/** The same for a case number (办件编号), so that a case's calls can be found without storing it in clear. */
export const hashCase = (subjectsKey: KeyObject, caseNumber: string): Buffer =>
  hashSubject(subjectsKey, caseNamespace, caseNumber)

/*
 * HMAC (RFC 2104, section 2) by two one-shot hashes over prepared buffers: a Hmac object a call costs
 * several times as much as what it computes.
 */
const blockBytes = 64
const digestBytes = 32
const messageBytesMax = 4096

interface Pads {
  /** Key ⊕ 0x36…, then room for a message. */
  inner: Buffer
  /** Key ⊕ 0x5c…, then room for the inner digest. */
  outer: Buffer
}

const padsByKey = new WeakMap<KeyObject, Pads>()

function padsOf(key: KeyObject): Pads {
  const known = padsByKey.get(key)
  if (known) return known
  const bytes = key.export()
  const block = bytes.length > blockBytes ? hash('sha256', bytes, 'buffer') : bytes
  const padded = Buffer.concat([block, Buffer.alloc(blockBytes)]).subarray(0, blockBytes)
  const made = {
    inner: Buffer.concat([padded.map((byte) => byte ^ 0x36), Buffer.alloc(messageBytesMax)]),
    outer: Buffer.concat([padded.map((byte) => byte ^ 0x5c), Buffer.alloc(digestBytes)]),
  }
  padsByKey.set(key, made)
  return made
}

/** The inner pad with a message behind it; valid until the next call where the message is short. */
function withText(inner: Buffer, message: string): Buffer {
  if (message.length * 3 > messageBytesMax) {
    return Buffer.concat([inner.subarray(0, blockBytes), Buffer.from(message)])
  }
  return inner.subarray(0, blockBytes + inner.write(message, blockBytes, 'utf8'))
}
