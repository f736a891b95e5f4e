/** Makes valid numbers by the algorithms as the standards word them, apart from the code under test. */
import * as fc from 'fast-check'

const digitsOf = (count: number): fc.Arbitrary<string> =>
  fc.stringMatching(new RegExp(`^[0-9]{${count}}$`, 'u'))

const charactersOf = (alphabet: string, count: number): fc.Arbitrary<string> =>
  fc
    .array(fc.constantFrom(...Array.from(alphabet)), { minLength: count, maxLength: count })
    .map((list) => list.join(''))

export const today = '2026-03-15'

/** ISO 7064 MOD 11-2 as the standard words it: powers of two instead of a table of weights. */
function mod112(digits: string): string {
  let product = 0
  for (const digit of digits) product = ((product + Number(digit)) * 2) % 11
  return '0123456789X'.charAt((12 - product) % 11)
}

const birthDays = fc
  .date({ min: new Date('1800-01-01'), max: new Date(today), noInvalidDate: true })
  .map((day) => day.toISOString().slice(0, 10))

export const citizenIds = fc
  .tuple(fc.constantFrom('110101', '330102', '440524', '810000', '830000'), birthDays, digitsOf(3))
  .map(([division, birthDate, sequence]) => {
    const digits = division + birthDate.replaceAll('-', '') + sequence
    return { id: digits + mod112(digits), birthDate, sequence }
  })

export const letters36 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ'
export const letters31 = '0123456789ABCDEFGHJKLMNPQRTUWXY'

function organisationCheck(body: string): string {
  const weights = [3, 7, 9, 10, 5, 8, 4, 2]
  const sum = weights.reduce(
    (all, weight, i) => all + weight * letters36.indexOf(body.charAt(i)),
    0,
  )
  const check = 11 - (sum % 11)
  return check === 10 ? 'X' : check === 11 ? '0' : String(check)
}

export const organisationCodes = charactersOf(letters36, 8).map(
  (body) => body + organisationCheck(body),
)

function usccCheck(body: string): string {
  let sum = 0
  for (let i = 0; i < 17; i++) sum += letters31.indexOf(body.charAt(i)) * (3 ** i % 31)
  return letters31.charAt((31 - (sum % 31)) % 31)
}

export const usccs = fc
  .tuple(fc.constantFrom('91', '11', '51', 'N2'), digitsOf(6), charactersOf(letters31, 8))
  .map(([kind, division, body]) => kind + division + body + organisationCheck(body))
  .map((body) => body + usccCheck(body))

/** The hybrid systems of ISO 7064, with the check found by trying. */
function hybridCheck(body: string, alphabet: string): string {
  const modulus = alphabet.length
  let product = modulus
  for (const character of body) {
    const sum = (product + alphabet.indexOf(character)) % modulus || modulus
    product = (2 * sum) % (modulus + 1)
  }
  return Array.from(alphabet).find((_, value) => (product + value) % modulus === 1) ?? '?'
}

export const registrationNumbers = digitsOf(14).map(
  (body) => body + hybridCheck(body, '0123456789'),
)

export const licenceIds = fc
  .tuple(
    charactersOf(letters36, 18),
    digitsOf(3),
    fc.oneof(charactersOf(letters36, 18), digitsOf(6)),
    fc.integer({ min: 1, max: 40 }).chain((count) => charactersOf(letters36, count)),
    fc.integer({ min: 1, max: 999 }).map((version) => String(version).padStart(3, '0')),
  )
  .map(([body, sequence, issuerCode, serial, version]) => {
    const typeCode = body + sequence
    const check = hybridCheck(typeCode + issuerCode + serial + version, letters36)
    const id = ['1.2.156.3005.2', typeCode, issuerCode, serial, version, check].join('.')
    return { id, typeCode, issuerCode, serial, version, checkCharacter: check }
  })

/** One character replaced by another of the alphabet. */
export function replaceAt(text: string, index: number, character: string): string {
  return text.slice(0, index) + character + text.slice(index + 1)
}

/** The characters at `index` and behind it change places. */
export const transposeAt = (text: string, index: number): string =>
  text.slice(0, index) + text.charAt(index + 1) + text.charAt(index) + text.slice(index + 2)
