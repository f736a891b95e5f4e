import { hasUnstorable } from '../../shared/names.ts'
import { Refusal, type RequestFault } from '../../shared/refusal.ts'
import type { Api } from './api.ts'
import { reportedFaultsMax } from './problem.ts'
import { escapePointer } from './validation.ts'

/**
 * PostgreSQL stores neither U+0000 nor half of a surrogate pair. JSON can only carry them escaped, so a
 * body without such an escape need not be looked through. Refused here, once, rather than in every area.
 */
const suspicious = /\\u(?:0000|d[89a-f])/i

/** The refusal (`request-invalid`, a pointer each) of a JSON body whose texts cannot be stored, or null. */
export function unstorableIn(text: string, body: unknown): Refusal | null {
  if (!suspicious.test(text)) return null
  const errors = unstorableFaults(body, '').slice(0, reportedFaultsMax)
  if (errors.length === 0) return null
  return new Refusal(
    'request-invalid',
    '文本含有无法存储的字符 / A text holds characters that cannot be stored',
    { errors },
  )
}

function unstorableFaults(value: unknown, pointer: string): RequestFault[] {
  if (typeof value === 'string') {
    const message = '含有无法存储的字符,请清除 / A character cannot be stored; remove it'
    return hasUnstorable(value) ? [{ pointer, code: 'char-not-storable', message }] : []
  }
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, part]) => [
    ...unstorableFaults(name, `${pointer}/${escapePointer(name)}`),
    ...unstorableFaults(part, `${pointer}/${escapePointer(name)}`),
  ])
}

/** The same for path and query, where it can only be written `%00`. */
export function refuseNulInAddress(app: Api): void {
  app.addHook('preValidation', (request, _reply, done) => {
    if (!request.url.includes('%00')) return done()
    const detail = '地址不得含 NUL 字符 / An address must not contain U+0000'
    return done(new Refusal('request-invalid', detail))
  })
}
