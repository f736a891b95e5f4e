/** All identifiers whose form and check digits the hub knows, in one table. */
import type { IdentifierKind } from '../../../schemas/field.ts'
import { checkCitizenId } from './citizen-id.ts'
import { checkDivision } from './division.ts'
import { checkLicenceId } from './licence-id.ts'
import { checkOrganisationCode } from './organisation-code.ts'
import { checkPropertyCertificate } from './property-certificate.ts'
import { checkPropertyUnit } from './property-unit.ts'
import { checkRegistrationNumber } from './registration-number.ts'
import { areDigits, type IdentifierCheck } from './result.ts'
import { checkUscc } from './uscc.ts'

export { birthDateOfCitizenId, sexOfCitizenId } from './citizen-id.ts'
export { widenDivision } from './division.ts'
export { type LicenceId, parseLicenceId } from './licence-id.ts'
export { type PropertyCertificate, parsePropertyCertificate } from './property-certificate.ts'
export { featuresOfPropertyUnit } from './property-unit.ts'
export type {
  IdentifierCheck,
  IdentifierFault,
  IdentifierResult,
  IdentifierWarning,
} from './result.ts'

/** The check of each kind: `(value, today) →` the stored form, or what is wrong. `today` is the date in Shanghai. */
export const identifierChecks: Readonly<Record<IdentifierKind, IdentifierCheck>> = {
  'citizen-id': checkCitizenId,
  uscc: checkUscc,
  'organisation-code': checkOrganisationCode,
  'registration-number': checkRegistrationNumber,
  'licence-id': checkLicenceId,
  'property-unit': checkPropertyUnit,
  'property-certificate': checkPropertyCertificate,
  division: checkDivision,
}

const divisionStarts: Partial<Record<IdentifierKind, number>> = {
  'citizen-id': 0,
  uscc: 2,
  'property-unit': 0,
  division: 0,
}

/** Prefixes that are no county: the State's own registrar, and residence permits of Hong Kong, Macao and Taiwan. */
const placelessPrefixes = new Set(['100000', '810000', '820000', '830000'])

/**
 * The county code (6 digits) within a sound identifier, to be looked up among all that ever existed;
 * undefined where the kind or this number has none.
 */
export function divisionWithin(kind: IdentifierKind, value: string): string | undefined {
  const start = divisionStarts[kind]
  if (start === undefined || !areDigits(value, start, start + 6)) return undefined
  if (kind === 'citizen-id' && value.startsWith('9')) return undefined
  const division = value.slice(start, start + 6)
  return placelessPrefixes.has(division) ? undefined : division
}
