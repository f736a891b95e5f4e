import {
  openCheckpoint,
  parseNote,
  parseVerifierKey,
  type SignatureCheck,
  type VerifierKey,
} from '../proofs.ts'

/** A key of the log, and the checkpoint that it and the key before it signed; null for the first. */
export interface KeyHandover {
  verifierKey: string
  handover: string | null
}

/** The line of a checkpoint that names the key to come. */
const successorLine = /^successor (\S+)$/

/** The keys that a checkpoint names as those to come, where one of the trusted keys has signed it. */
function successorsIn(
  note: string,
  trusted: readonly VerifierKey[],
  checks: Readonly<Record<number, SignatureCheck>>,
): VerifierKey[] {
  if (!openCheckpoint(note, trusted, checks).isValid) return []
  const [, , , ...extensions] = (parseNote(note)?.text ?? '').split('\n')
  return extensions.flatMap((line) => {
    const key = parseVerifierKey(successorLine.exec(line)?.[1] ?? '')
    return key === null ? [] : [key]
  })
}

/** Whoever trusts a key trusts those that it has named as its successors, step by step. */
export function followKeys(
  trusted: readonly VerifierKey[],
  known: readonly KeyHandover[],
  checks: Readonly<Record<number, SignatureCheck>> = {},
): VerifierKey[] {
  const keys = [...trusted]
  for (const { handover } of known) {
    if (handover === null) continue
    for (const key of successorsIn(handover, keys, checks)) {
      if (!keys.some(({ name, keyId }) => name === key.name && keyId === key.keyId)) keys.push(key)
    }
  }
  return keys
}
