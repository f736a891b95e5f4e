/** Electronic licence identifiers: GB/T 36904-2018, ISO 7064 MOD 37,36 (`standards` §3.5). */
import { hybridHolds, hybridStep } from './iso-7064.ts'
import { areDigits, characterValues, identifierCheck, type IdentifierFault } from './result.ts'

const root = '1.2.156.3005.2.'
const modulus = 36
const values = characterValues('0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ')
const typeLength = 21
const sequenceLength = 3
const versionLength = 3
const bodyCodeLength = 18
const divisionLength = 6

/** The parts of a licence identifier. The same type, issuer and serial make one licence family. */
export interface LicenceId {
  /** Code of the body that defines the type of licence (18) and its sequence (3). */
  typeCode: string
  /** The issuer's unified social credit code, or in some cities a division code of 6 digits. */
  issuerCode: string
  serial: string
  /** From `001`. */
  version: string
  checkCharacter: string
}

/** The dots that end each part; the identifier is scanned for them without being cut up. */
interface PartEnds {
  type: number
  issuer: number
  serial: number
  version: number
}

function findPartEnds(id: string): PartEnds | undefined {
  if (!id.startsWith(root)) return undefined
  const type = root.length + typeLength
  if (id[type] !== '.') return undefined
  const issuer = id.indexOf('.', type + 1)
  const version = id.length - 2
  const serial = version - versionLength - 1
  const isSplit = issuer > 0 && issuer < serial - 1 && id[serial] === '.' && id[version] === '.'
  return isSplit ? { type, issuer, serial, version } : undefined
}

function havePartsForm(id: string, { type, issuer, serial, version }: PartEnds): boolean {
  const issuerStart = type + 1
  const issuerLength = issuer - issuerStart
  const isIssuer =
    issuerLength === bodyCodeLength ||
    (issuerLength === divisionLength && areDigits(id, issuerStart, issuer))
  return (
    isIssuer &&
    areDigits(id, type - sequenceLength, type) &&
    areDigits(id, serial + 1, version) &&
    !id.startsWith('000', serial + 1)
  )
}

/**
 * The product over all parts before the check character, or -1 where one has a character that the
 * alphabet lacks, among them a dot too many.
 */
function productOf(id: string, { type, issuer, serial, version }: PartEnds): number {
  let product = modulus
  for (let i = root.length; i < version; i++) {
    if (i === type || i === issuer || i === serial) continue
    const value = values[id.charCodeAt(i)] ?? -1
    if (value < 0) return -1
    product = hybridStep(product, value, modulus)
  }
  return product
}

export function licenceIdFault(id: string): IdentifierFault | undefined {
  const ends = findPartEnds(id)
  if (!ends || !havePartsForm(id, ends)) return 'identifier-form'
  const product = productOf(id, ends)
  const check = values[id.charCodeAt(id.length - 1)] ?? -1
  if (product < 0 || check < 0) return 'identifier-form'
  return hybridHolds(product, check, modulus) ? undefined : 'identifier-check-digit'
}

export const checkLicenceId = identifierCheck({
  faultOf: licenceIdFault,
  storedForm: (tidied) => tidied,
})

/** The parts of an identifier of the right form, whether or not its check character holds; else undefined. */
export function parseLicenceId(id: string): LicenceId | undefined {
  if (licenceIdFault(id) === 'identifier-form') return undefined
  const ends = findPartEnds(id)
  return (
    ends && {
      typeCode: id.slice(root.length, ends.type),
      issuerCode: id.slice(ends.type + 1, ends.issuer),
      serial: id.slice(ends.issuer + 1, ends.serial),
      version: id.slice(ends.serial + 1, ends.version),
      checkCharacter: id.slice(ends.version + 1),
    }
  )
}
