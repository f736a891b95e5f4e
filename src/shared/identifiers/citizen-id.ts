/** Citizen identity numbers: GB 11643-1999, check character by ISO 7064 MOD 11-2 (`standards` §3.1). */
import { isProvinceAt } from './division.ts'
import {
  areDigits,
  identifierCheck,
  type IdentifierFault,
  type IdentifierWarning,
} from './result.ts'

const length = 18
const legacyLength = 15
const weights = Uint8Array.of(7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
const checkCharacters = '10X98765432'
const checkCodes = Uint8Array.from(checkCharacters, (character) => character.charCodeAt(0))
const codeOfX = 88
const monthDays = Uint8Array.of(31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)

/**
 * The fault of an 18-character number, or undefined. The birth date is judged before the check digit,
 * since numbers with a date that never was can carry a right one. Allocates nothing.
 */
export function citizenIdFault(id: string, today: string): IdentifierFault | undefined {
  if (id.length !== length || id.charCodeAt(0) === 48) return 'identifier-form'
  let sum = 0
  let birth = 0
  for (let i = 0; i < length - 1; i++) {
    const digit = id.charCodeAt(i) - 48
    if (digit < 0 || digit > 9) return 'identifier-form'
    sum += digit * (weights[i] ?? 0)
    if (i >= 6 && i < 14) birth = birth * 10 + digit
  }
  const check = id.charCodeAt(length - 1)
  if (check !== codeOfX && (check < 48 || check > 57)) return 'identifier-form'
  if (!isBirthDay(birth, today)) return 'identifier-date'
  return check === checkCodes[sum % 11] ? undefined : 'identifier-check-digit'
}

/** A real day of the calendar between 1800 and today, given as the number YYYYMMDD. */
function isBirthDay(birth: number, today: string): boolean {
  const year = Math.trunc(birth / 10_000)
  const month = Math.trunc(birth / 100) % 100
  const day = birth % 100
  if (year < 1800 || month < 1 || month > 12 || day < 1) return false
  const leapDay = month === 2 && isLeapYear(year) ? 1 : 0
  return day <= (monthDays[month - 1] ?? 0) + leapDay && birth <= dayNumber(today)
}

const isLeapYear = (year: number): boolean =>
  year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)

/** `YYYY-MM-DD` as the number YYYYMMDD. */
function dayNumber(date: string): number {
  let number = 0
  for (let i = 0; i < date.length; i++) {
    if (i !== 4 && i !== 7) number = number * 10 + date.charCodeAt(i) - 48
  }
  return number
}

/** The check character over the first 17 digits. */
function checkCharacter(digits: string): string {
  let sum = 0
  for (let i = 0; i < length - 1; i++) sum += (digits.charCodeAt(i) - 48) * (weights[i] ?? 0)
  return checkCharacters.charAt(sum % 11)
}

/** Fifteen-digit numbers were given to people born in the twentieth century: they lack its two digits and the check. */
function upgrade(id: string): string {
  if (id.length !== legacyLength || !areDigits(id, 0, legacyLength)) return id
  const digits = `${id.slice(0, 6)}19${id.slice(6)}`
  return digits + checkCharacter(digits)
}

/**
 * Residence permits for people of Hong Kong, Macao and Taiwan begin 810000, 820000, 830000. Permanent
 * residence of foreigners (2023) begins with 9, then the province that took the application. Any other
 * unknown province is a warning: divisions come and go, a number stays.
 */
function divisionWarning(id: string): IdentifierWarning | undefined {
  const start = id.charCodeAt(0) === 57 ? 1 : 0
  const isKnown = isProvinceAt(id, start) || id.startsWith('830000')
  return isKnown ? undefined : 'division-unknown'
}

export const checkCitizenId = identifierCheck({
  faultOf: citizenIdFault,
  storedForm: upgrade,
  warningOf: divisionWarning,
})

const hasDigits = (id: string): boolean => id.length === length && areDigits(id, 0, length - 1)

/** The sex (GB/T 2261.1: `1` male, `2` female) by the 17th digit of an 18-character number; else undefined. */
export function sexOfCitizenId(id: string): '1' | '2' | undefined {
  if (!hasDigits(id)) return undefined
  return id.charCodeAt(16) % 2 === 1 ? '1' : '2'
}

/** Digits 7 to 14 of an 18-character number as `YYYY-MM-DD`, not checked against the calendar; else undefined. */
export const birthDateOfCitizenId = (id: string): string | undefined =>
  hasDigits(id) ? `${id.slice(6, 10)}-${id.slice(10, 12)}-${id.slice(12, 14)}` : undefined
