/** Unified social credit codes: GB 32100-2015 (`standards` §3.2). */
import { organisationCodeFault } from './organisation-code.ts'
import { areDigits, characterValues, identifierCheck, type IdentifierFault } from './result.ts'

const length = 18
const modulus = 31
const alphabet = '0123456789ABCDEFGHJKLMNPQRTUWXY'
const values = characterValues(alphabet)
/** Powers of three mod 31. */
const weights = Uint8Array.of(1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)
/** What the licence publication writes for a body that has no code. */
const placeholder = '00000000000000000X'
const organisationCodeStart = 8

/** The fault of a code in its stored form, or undefined. Allocates nothing. */
export function usccFault(code: string): IdentifierFault | undefined {
  if (code.length !== length || !areDigits(code, 2, 8)) return 'identifier-form'
  let sum = 0
  for (let i = 0; i < length - 1; i++) {
    const value = values[code.charCodeAt(i)] ?? -1
    if (value < 0) return 'identifier-form'
    sum += value * (weights[i] ?? 0)
  }
  const check = values[code.charCodeAt(length - 1)] ?? -1
  if (check < 0) return 'identifier-form'
  return (sum + check) % modulus === 0 ? undefined : 'identifier-check-digit'
}

/** Some early codes embed an organisation code that fails its own check: a warning, never a fault. */
export const checkUscc = identifierCheck({
  faultOf: usccFault,
  storedForm: (tidied) => (tidied === placeholder ? null : tidied),
  warningOf: (code) =>
    organisationCodeFault(code, organisationCodeStart) === undefined
      ? undefined
      : 'identifier-organisation',
})
