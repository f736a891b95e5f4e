import { stops, type TextStep } from './cells.ts'
import { halfWidth } from './text-steps.ts'

/**
 * Exact decimals as texts: money and areas never pass through a float. The canonical form has no plus
 * sign, no leading or trailing zeros, no exponent and no minus before zero.
 */
const plain = /^([+-]?)(\d*)(?:\.(\d+))?$/
const grouped = /^([+-]?)(\d{1,3}(?:,\d{3})+)(?:\.(\d+))?$/
const scientific = /^([+-]?)(\d+)(?:\.(\d+))?[eE]([+-]?)(\d{1,3})$/
const canonical = /^-?(?:0|[1-9]\d*)(?:\.\d*[1-9])?$/
const textMax = 400

/** Sign, whole digits and fraction digits to the canonical text. */
export const decimalText = (sign: string, whole: string, fraction: string): string => {
  const integer = whole.replace(/^0+/, '') || '0'
  const rest = fraction.replace(/0+$/, '')
  const text = rest === '' ? integer : `${integer}.${rest}`
  return sign === '-' && text !== '0' ? `-${text}` : text
}

/** Units of 10^-scale to the canonical text. */
export const scaledText = (units: bigint, scale: number): string => {
  const sign = units < 0n ? '-' : ''
  const digits = (units < 0n ? -units : units).toString()
  if (scale <= 0) return decimalText(sign, digits + '0'.repeat(units === 0n ? 0 : -scale), '')
  const padded = digits.padStart(scale + 1, '0')
  return decimalText(sign, padded.slice(0, -scale), padded.slice(-scale))
}

/**
 * Excel writes numbers from 10^11 up as `1.23457E+11`, with a sign and two digits, and has dropped the
 * rest: such a text counts only where it still shows every digit down to the units. Databases and
 * programming languages write `1.5E7`, `1E-7` or `1E+7`, which are exact.
 */
const fromScientific = (text: string): string | null => {
  const found = scientific.exec(text)
  if (!found) return null
  const [, sign = '', whole = '', fraction = '', direction = '', power = ''] = found
  const isZero = !/[1-9]/.test(whole + fraction)
  const exponent = Number(direction === '-' ? `-${power}` : power)
  const isExcel = direction !== '' && power.length === 2
  if (isExcel && !isZero && (exponent < 0 || fraction.length < exponent)) return null
  return isZero ? '0' : scaledText(BigInt(sign + whole + fraction), fraction.length - exponent)
}

const fromPlain = (text: string): string | null => {
  const found = plain.exec(text)
  if (!found) return null
  const [, sign = '', whole = '', fraction = ''] = found
  return whole === '' && fraction === '' ? null : decimalText(sign, whole, fraction)
}

/** The canonical decimal of a text without separators, or null. */
export const exactDecimal = (text: string): string | null => {
  if (text.length > textMax) return null
  if (canonical.test(text) && text !== '-0') return text
  return fromPlain(text) ?? fromScientific(text)
}

/** As `exactDecimal`, also with thousands separators in their right places, full width and spaces around. */
export const looseDecimal = (text: string): string | null => {
  const exact = exactDecimal(text)
  if (exact !== null || text.length > textMax) return exact
  const folded = halfWidth(text).trim()
  const found = grouped.exec(folded)
  if (!found) return exactDecimal(folded)
  const [, sign = '', whole = '', fraction = ''] = found
  return decimalText(sign, whole.replaceAll(',', ''), fraction)
}

export const numberStep: TextStep = (text) => looseDecimal(text) ?? stops.type

export const integerStep: TextStep = (text) => {
  const decimal = looseDecimal(text)
  return decimal === null || decimal.includes('.') ? stops.type : decimal
}
