import { createHmac, createSecretKey, type KeyObject } from 'node:crypto'
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

/** HMAC-SHA-256(key, resource ‖ 0x00 ‖ merge key), 32 bytes: finds a record's entries without naming it. */
export const hashSubject = (subjectsKey: KeyObject, resource: string, key: string): Buffer =>
  createHmac('sha256', subjectsKey).update(`${resource}\0${key}`, 'utf8').digest()

/** The same for a case number (办件编号), so that a case's calls can be found without storing it in clear. */
export const hashCase = (subjectsKey: KeyObject, caseNumber: string): Buffer =>
  hashSubject(subjectsKey, caseNamespace, caseNumber)
