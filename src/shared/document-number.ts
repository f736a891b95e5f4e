import { foldWidth } from './names.ts'

/** Every bracket that is written around the year of a document number, besides the hexagonal ones. */
const opening = /[([{【﹝〖〘［]/gu
const closing = /[)\]}】﹞〗〙］]/gu
const dashes = /[‐‑‒–—―−]/gu
const spaces = /[\s\u{200B}-\u{200D}\u{2060}]+/gu

/**
 * One form for the number of an official document, so that 甬市监许(2024) 12 号 and 甬市监许〔2024〕12号
 * are one licence family (`records.md`): half-width, no spaces, upper case, the hexagonal brackets that
 * GB/T 9704 prescribes. Zeros before the serial stay, since some bodies number with them.
 */
export const normaliseDocumentNumber = (text: string): string =>
  foldWidth(text)
    .replace(spaces, '')
    .replace(opening, '〔')
    .replace(closing, '〕')
    .replace(dashes, '-')
    .toUpperCase()
