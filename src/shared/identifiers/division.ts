/** Division codes (GB/T 2260 and below), `standards` §3.8. */
import { areDigits, identifierCheck } from './result.ts'

const provinceCodes = [
  11, 12, 13, 14, 15, 21, 22, 23, 31, 32, 33, 34, 35, 36, 37, 41, 42, 43, 44, 45, 46, 50, 51, 52,
  53, 54, 61, 62, 63, 64, 65, 71, 81, 82,
]
const provinces = new Uint8Array(100)
for (const code of provinceCodes) provinces[code] = 1

/** True when the two digits at `start` are a province's. Whether a county ever existed is a question for the code table. */
export const isProvinceAt = (text: string, start: number): boolean =>
  provinces[(text.charCodeAt(start) - 48) * 10 + text.charCodeAt(start + 1) - 48] === 1

const hasDivisionForm = (code: string): boolean =>
  (code.length === 6 || code.length === 9 || code.length === 12) && areDigits(code, 0, code.length)

/** County (6 digits), township (9) or village (12). An unknown division is a warning, never a fault. */
export const checkDivision = identifierCheck({
  faultOf: (code) => (hasDivisionForm(code) ? undefined : 'identifier-form'),
  storedForm: (tidied) => tidied,
  warningOf: (code) => (isProvinceAt(code, 0) ? undefined : 'division-unknown'),
})

/** A 6- or 9-digit code as 12 digits, filled with zeros on the right. */
export const widenDivision = (code: string): string => code.padEnd(12, '0')
