/**
 * JSON.parse reads numbers as doubles, which keep 15 significant digits and whole numbers up to 2^53
 * (RFC 8259 §6 warns of it): `1000000000000000.01` yuan would become `1000000000000000`. Such numbers
 * are given as the text that was written.
 */
const digitsExactMax = 15
const runLength = digitsExactMax + 1
const doubleQuote = 34
const minus = 45
const backslash = 92
const openBracket = 91
const closeBracket = 93
const openBrace = 123
const closeBrace = 125

const isDigit = (code: number | undefined): boolean =>
  code !== undefined && ((code >= 48 && code <= 57) || code === 46)

/**
 * Whether bytes from..to hold 16 digits or dots in a row outside quotes: too long for a double, perhaps.
 * Looks at every 16th byte, since a run that long cannot lie between two looks; identity numbers in
 * quotes, the common case, cost one look at what stands before them.
 */
export function mayLoseDigits(bytes: Uint8Array, from: number, to: number): boolean {
  for (let at = from + runLength - 1; at < to; at += runLength) {
    if (!isDigit(bytes[at])) continue
    let start = at
    while (start > from && isDigit(bytes[start - 1])) start--
    let end = at + 1
    while (end < to && isDigit(bytes[end])) end++
    const before = bytes[start - 1] === minus ? bytes[start - 2] : bytes[start - 1]
    if (end - start >= runLength && before !== doubleQuote) return true
    at = end
  }
  return false
}

/** JSON.parse with every number that a double cannot hold exactly as the text of its source. */
export const parseExactly = (text: string): unknown =>
  JSON.parse(text, function keep(_key: string, value: unknown, context?: { source?: string }) {
    const source = context?.source
    return typeof value === 'number' && source !== undefined && !isExact(value, source)
      ? source
      : value
  })

function isExact(value: number, source: string): boolean {
  const mantissa = source.replace(/[eE].*$/, '').replace(/[-.]/g, '')
  const significant = mantissa.replace(/^0+/, '')
  return significant.length <= digitsExactMax && Math.abs(value) <= Number.MAX_SAFE_INTEGER
}

/** Whether objects and arrays lie deeper within each other than allowed. Strings are stepped over. */
export function isDeeperThan(text: string, depthMax: number): boolean {
  if (!text.includes('[') && !text.includes('{', text.indexOf('{') + 1)) return depthMax < 1
  let depth = 0
  let isInString = false
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === doubleQuote) isInString = !isInString
    else if (isInString) at += code === backslash ? 1 : 0
    else if (code === openBrace || code === openBracket) depth++
    else if (code === closeBrace || code === closeBracket) depth--
    if (depth > depthMax) return true
  }
  return false
}
