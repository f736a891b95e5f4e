/**
 * What an audit entry says of one call, run, decision or change. Areas hand over facts; the log makes
 * the entry. Plain identifiers of people never go in: `subjects` are turned into keyed hashes by the log.
 */
export const auditOutcomes = ['allowed', 'denied', 'absent', 'failed'] as const
export type AuditOutcome = (typeof auditOutcomes)[number]

/** One record that a call was about: the resource and the merge key (or the key as asked for, when absent). */
export interface AuditSubject {
  resource: string
  key: string
}

export interface AuditFacts {
  /** `records.read`, `records.verify`, `batches.push`, `grants.suspend`, `staff.sign-in`, `resources.publish` … */
  operation: string
  outcome: AuditOutcome
  /** The problem code of a refusal. */
  code?: string
  requestId: string
  requestedAt: Date
  /** When the decision was taken: what was allowed then is what counts. */
  decidedAt?: Date
  system?: string
  staff?: string
  department?: string
  /** The person at the consumer's desk (`X-Operator`). */
  operator?: string
  address?: string
  resource?: string
  resourceVersion?: number
  subjects?: readonly AuditSubject[]
  /** A feed or delivery names the change numbers it covered instead of subjects (half-open: after, through). */
  sequenceRange?: { after: number; through: number }
  fields?: readonly string[]
  rowCount?: number
  purpose?: string
  caseNumber?: string
  grantIds?: readonly string[]
  policyVersion?: number
  /** Of the bodies, with a salt that only the caller has (`message-digests.ts`). */
  requestDigest?: string
  responseDigest?: string
  requestBytes?: number
  responseBytes?: number
  traceId?: string
  runId?: string
  /** The record's change number and hash as answered. */
  recordSeq?: number
  recordHash?: string
  /** What else belongs to the proof: `review-chain-bypassed`, a decision's reason, counts of a run. */
  note?: Record<string, unknown>
}

/** What the caller of any logged call is given as proof: sent as `X-Audit-Id` and `X-Audit-Leaf`. */
export interface AuditReceipt {
  id: string
  /** Hex SHA-256 leaf hash (RFC 6962: SHA-256(0x00 ‖ leaf bytes)). */
  leaf: string
}

/** The writing side of the log. `append` resolves once the entry is durable; it rejects with `unavailable`. */
export interface AuditLog {
  append(facts: AuditFacts): Promise<AuditReceipt>
}
