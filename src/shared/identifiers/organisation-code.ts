/** Organisation codes: GB 11714-1997, eight characters and a check character (`standards` §3.3). */
import { characterValues, identifierCheck, type IdentifierFault } from './result.ts'

const length = 9
const values = characterValues('0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ')
const weights = Uint8Array.of(3, 7, 9, 10, 5, 8, 4, 2)
/** By the weighted sum mod 11: the check is eleven less it, ten written X and eleven written 0. */
const checkCodes = Uint8Array.from('0X987654321', (character) => character.charCodeAt(0))

/** The fault of the nine characters from `start`; they may stand within a longer code. */
export function organisationCodeFault(text: string, start: number): IdentifierFault | undefined {
  if (text.length < start + length) return 'identifier-form'
  let sum = 0
  for (let i = 0; i < length - 1; i++) {
    const value = values[text.charCodeAt(start + i)] ?? -1
    if (value < 0) return 'identifier-form'
    sum += value * (weights[i] ?? 0)
  }
  const check = text.charCodeAt(start + length - 1)
  if (check !== 88 && (check < 48 || check > 57)) return 'identifier-form'
  return check === checkCodes[sum % 11] ? undefined : 'identifier-check-digit'
}

/** With or without the dash before the check character; stored without. */
export const checkOrganisationCode = identifierCheck({
  faultOf: (code) => (code.length === length ? organisationCodeFault(code, 0) : 'identifier-form'),
  storedForm: (tidied) =>
    tidied.length === length + 1 && tidied[8] === '-'
      ? tidied.slice(0, 8) + tidied.slice(9)
      : tidied,
})
