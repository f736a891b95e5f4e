import { stops, type TextStep } from './cells.ts'
import { currencyCodes, currencyWords, isUnitName, numericCurrencies } from './currencies.ts'
import { exactDecimal, scaledText } from './decimal.ts'
import { halfWidth } from './text-steps.ts'

/** A text about money, read: exact value of `units` × 10^-`scale`, and whether the text named its unit. */
interface Money {
  currency: string | null
  value: { units: bigint; scale: number; isUnitWritten: boolean } | null
}

export type AmountUnit = '万' | '元'

const textMax = 80
const powers: Record<string, number> = {
  十: 1,
  百: 2,
  千: 3,
  仟: 3,
  佰: 2,
  拾: 1,
  万: 4,
  萬: 4,
  亿: 8,
  億: 8,
}
const unitPower = { 元: 0, 万: 4 } as const
const brackets = /[\s()[\]{}【】〔〕]/g
/** An accountant's (100) is minus a hundred, somebody else's is not: it is refused, not guessed. */
const bracketedNumber = /\([^)]*\d/
const frame = /^元?([+-]?)([\d.,十百千仟佰拾万萬亿億]*)(元{0,2})[整正]?$/
const segment = /(\d{1,3}(?:,\d{3})+|\d+|(?=\.))(?:\.(\d+))?([十百千仟佰拾万萬亿億]{0,3})/y

/**
 * Sums `3亿2000万` from its parts. Each part must be smaller than the one before, and a last part
 * without a multiplier needs 元 behind it: 3万5 could be 35,000 or 30,005.
 */
const sumSegments = (text: string, isYuan: boolean): Money['value'] => {
  let units = 0n
  let scale = 0
  let above = Number.POSITIVE_INFINITY
  let power = 0
  let count = 0
  for (segment.lastIndex = 0; segment.lastIndex < text.length; count += 1) {
    const found = segment.exec(text)
    if (!found || found[0] === '') return null
    const [, whole = '', fraction = '', multiplier = ''] = found
    power = Array.from(multiplier).reduce((sum, char) => sum + (powers[char] ?? 0), 0)
    if (power >= above || (count > 0 && fraction !== '')) return null
    above = power
    const places = fraction.length - power
    const finer = Math.max(scale, places)
    const part = BigInt(whole.replaceAll(',', '') + fraction) * 10n ** BigInt(finer - places)
    units = units * 10n ** BigInt(finer - scale) + part
    scale = finer
  }
  const isUnitWritten = isYuan || above > 0
  return count === 0 || (count > 1 && power === 0 && !isYuan)
    ? null
    : { units, scale, isUnitWritten }
}

/** Strips currency names; more than one currency in a text makes it unreadable. */
const takeCurrency = (text: string): { rest: string; currency: string | null } | null => {
  let currency: string | null = null
  let isMixed = false
  const rest = text.replace(currencyWords, (name) => {
    const code = currencyCodes.get(name) ?? null
    isMixed ||= currency !== null && currency !== code
    currency = code
    return isUnitName(name) ? '元' : ''
  })
  return isMixed ? null : { rest, currency }
}

const readMoney = (text: string): Money | null => {
  if (text.length > textMax) return null
  const folded = halfWidth(text).replaceAll('￥', '¥').toUpperCase()
  if (bracketedNumber.test(folded)) return null
  const taken = takeCurrency(folded.replace(brackets, '').replaceAll('圆', '元'))
  if (!taken) return null
  const { rest, currency } = taken
  const found = frame.exec(rest)
  if (!found) return scientificMoney(rest, currency)
  const [, sign = '', body = '', yuan = ''] = found
  const isYuan = yuan !== '' || rest.startsWith('元')
  const value = sumSegments(body, isYuan)
  if (value && sign === '-') value.units = -value.units
  return value || !/\d/.test(body) ? { currency, value } : null
}

const scientificMoney = (rest: string, currency: string | null): Money | null => {
  const decimal = exactDecimal(rest)
  if (decimal === null) return null
  const [whole = '', fraction = ''] = decimal.split('.')
  const value = { units: BigInt(whole + fraction), scale: fraction.length, isUnitWritten: false }
  return { currency, value }
}

/**
 * An amount of money as a canonical decimal in `unit`. `plain` is the unit of a number that names none.
 * Moving between 元 and 万 only moves the decimal point, so nothing is ever rounded.
 */
export const amountStep = (options: { unit: AmountUnit; plain?: AmountUnit }): TextStep => {
  const plainPower = unitPower[options.plain ?? options.unit]
  const power = unitPower[options.unit]
  return (text) => {
    const value = readMoney(text)?.value
    if (!value) return stops.amount
    const written = value.isUnitWritten ? 0 : plainPower
    return scaledText(value.units, value.scale + power - written)
  }
}

/**
 * The currency that a text about money names, else `fallback`. A text with words that are neither a
 * currency nor part of an amount is unknown rather than the default: it may name a rare currency.
 */
export const currencyStep = (options: { default?: string; numeric?: boolean }): TextStep => {
  const fallback = options.default
  const isNumeric = options.numeric ?? fallback === undefined
  return (text) => {
    const trimmed = text.trim()
    if (isNumeric && /^\d{3}$/.test(trimmed)) {
      return numericCurrencies.has(trimmed) ? trimmed : stops.code
    }
    const money = readMoney(text)
    return money === null ? stops.code : (money.currency ?? fallback ?? stops.code)
  }
}
