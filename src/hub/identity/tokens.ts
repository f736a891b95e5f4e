import { hash, randomBytes } from 'node:crypto'

/** Says what it is when it turns up where it should not (a log, a repository). */
const tokenPrefix = 'sq_'

/** A new token: 256 random bits. Shown once; only its digest is kept. */
export const newToken = (): string => tokenPrefix + randomBytes(32).toString('base64url')

/** SHA-256 as stored. */
export const tokenDigest = (token: string): Buffer => hash('sha256', token, 'buffer')

/** The digest as a word: the key of everything that is remembered of a token. */
export const digestWord = (token: string): string => hash('sha256', token, 'hex')
