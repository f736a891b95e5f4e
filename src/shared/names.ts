/** Names and other words as text: width, comparison, and the damage that old systems leave in them. */

const fullWidthFirst = 0xff01
const fullWidthLast = 0xff5e
const ideographicSpace = 0x3000
/** The distance between a full-width form and its ASCII character. */
const fullWidthOffset = 0xfee0

const isWide = (unit: number): boolean =>
  (unit >= fullWidthFirst && unit <= fullWidthLast) || unit === ideographicSpace

/**
 * Full-width ASCII and the ideographic space become half-width; nothing else changes. Legal names are
 * stored so, and not in NFKC, which would replace compatibility ideographs that a person's name has.
 */
export function foldWidth(text: string): string {
  for (let i = 0; i < text.length; i++) {
    if (isWide(text.charCodeAt(i))) return foldWidthFrom(text, i)
  }
  return text
}

function foldWidthFrom(text: string, start: number): string {
  let folded = text.slice(0, start)
  for (let i = start; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit === ideographicSpace) folded += ' '
    else folded += isWide(unit) ? String.fromCharCode(unit - fullWidthOffset) : text[i]
  }
  return folded
}

/**
 * The signs that registries type between the parts of a name (买买提·吐尔逊): middle dot, bullet,
 * hyphenation point, katakana dot, bullet and dot operators, Greek ano teleia, word separator dots,
 * and the full stop of keyboards that have none of these.
 */
const middleDots = /[·•‧・･∙⋅·᛫⸱⸳ꞏ●.]/gu

/** Spaces and zero-width signs, and the selectors that choose one glyph or another of one character. */
const unseen = /[\s\u{200B}-\u{200D}\u{2060}\p{Variation_Selector}]+/gu

/**
 * A name as `verify` compares it: NFKC, one middle dot, no spaces, one width, one case (`records.md`).
 * Never stored. Applying it twice gives the same as once: what lost the space between is composed again.
 */
export function comparableName(text: string): string {
  if (isPlainHan(text)) return text
  const shaped = text.normalize('NFKC').replace(unseen, '').replace(middleDots, '·')
  return foldCase(shaped).normalize('NFKC')
}

/** By way of upper case, so that ß and ss, ſ and s meet as full case folding wants; ẞ needs to be small first. */
const foldCase = (text: string): string => text.toLowerCase().toUpperCase().toLowerCase()

/** Most names: ideographs of the basic block, which no folding touches. */
function isPlainHan(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit < 0x4e00 || unit > 0x9fff) return false
  }
  return true
}

/** Private-use characters: U+E000–F8FF, and planes 15 and 16 by their high surrogates. */
export function hasPrivateUse(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit >= 0xdb80 && unit <= 0xf8ff && (unit <= 0xdbff || unit >= 0xe000)) return true
  }
  return false
}

/** A question mark (also full-width) or U+FFFD where a name should have a character: lost in conversion. */
export const looksLossy = (name: string): boolean =>
  name.includes('?') || name.includes('\u{FFFD}') || name.includes('？')

/** NUL, which PostgreSQL refuses in text, or half of a surrogate pair, which UTF-8 cannot write. */
export const hasUnstorable = (text: string): boolean =>
  !text.isWellFormed() || text.includes('\u{0}')

/** Lengths of fields count code points (`schemas/field.ts`); a lone surrogate counts as one. */
export function codePointLength(text: string): number {
  let length = text.length
  for (let i = 0; i < text.length - 1; i++) {
    if (!isHighSurrogate(text.charCodeAt(i)) || !isLowSurrogate(text.charCodeAt(i + 1))) continue
    length--
    i++
  }
  return length
}

const isHighSurrogate = (unit: number): boolean => (unit & 0xfc00) === 0xd800
const isLowSurrogate = (unit: number): boolean => (unit & 0xfc00) === 0xdc00
