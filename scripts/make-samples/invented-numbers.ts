/**
 * Identifiers that hold their check digits and belong to nobody: sequence numbers and body codes are
 * taken from ranges that registration authorities do not give out.
 */
import type { IdentifierKind } from '../../schemas/field.ts'
import { identifierChecks } from '../../src/shared/identifiers/index.ts'
import { padded } from './seeded.ts'

const characters = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ'
/** The day for which the samples are made: later numbers would have a birth date in the future. */
export const madeOn = '2026-06-01'

/** The stem with the one check character that its kind asks for, found by asking the hub's own check. */
function completed(kind: IdentifierKind, stem: string): string {
  for (const character of characters) {
    const number = stem + character
    if (identifierChecks[kind](number, madeOn).code === undefined) return number
  }
  throw new Error(`${stem} cannot be completed to a ${kind}`)
}

/** Of 900 to 999 a county has hardly ever given out one: a day has no thousand births there. */
const sequenceFirst = 900

/** A citizen number; `serial` from 0 to 49 tells people of one birthday and sex apart. */
export const citizenId = (
  place: string,
  birthday: string,
  who: { isMan: boolean; serial: number },
) =>
  completed(
    'citizen-id',
    `${place}${birthday}${padded(sequenceFirst + who.serial * 2 + (who.isMan ? 1 : 0), 3)}`,
  )

/** Body codes begin with XY, a series that has not been opened. */
export const organisationCode = (serial: number): string =>
  completed('organisation-code', `XY${padded(serial, 6)}`)

/** `kind` are the first two characters (GB 32100): 91 a company, 92 an individual business, 11 an organ. */
export const creditCode = (kind: string, place: string, serial: number): string =>
  completed('uscc', kind + place + organisationCode(serial))

/** A code whose outer check holds although the organisation code within does not. */
export const oddCreditCode = (kind: string, place: string, serial: number): string => {
  const sound = organisationCode(serial)
  const wrong = sound.endsWith('1') ? '2' : '1'
  return completed('uscc', kind + place + sound.slice(0, -1) + wrong)
}

/** A registration number of 15 digits; the sequence begins with 3999, behind what was given out. */
export const registrationNumber = (authority: string, serial: number): string =>
  completed('registration-number', `${authority}3999${padded(serial, 4)}`)

export interface LicenceParts {
  type: string
  issuer: string
  serial: string
  version: number
}

export const licenceId = ({ type, issuer, serial, version }: LicenceParts): string =>
  completed('licence-id', `1.2.156.3005.2.${type}.${issuer}.${serial}.${padded(version, 3)}.`)

/** The number with another last digit, so that its check fails. */
export const spoilt = (number: string): string =>
  number.slice(0, -1) + (number.endsWith('3') ? '5' : '3')
