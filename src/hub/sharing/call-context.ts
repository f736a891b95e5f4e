import type { CallContext } from '../../../schemas/api/records.ts'
import { Refusal } from '../../shared/refusal.ts'
import type { ApiRequest } from '../http/api.ts'

const headerNames = {
  purpose: 'x-purpose',
  operator: 'x-operator',
  caseNumber: 'x-case-number',
} as const

const textLengthMax = 100

/**
 * What a call says it is for: the body's `context`, and what that leaves out from the headers, whose
 * values are percent-encoded UTF-8 (RFC 3986, 2.1). A header that cannot be read is `request-invalid`.
 */
export function readContext(request: ApiRequest, context: CallContext = {}): CallContext {
  const read = { ...context }
  for (const part of ['purpose', 'operator', 'caseNumber'] as const) {
    const name = headerNames[part]
    const value = request.headers[name]
    if (read[part] !== undefined || typeof value !== 'string' || value.trim() === '') continue
    read[part] = decodeHeader(name, value.trim())
  }
  return read
}

function decodeHeader(name: string, value: string): string {
  try {
    const text = decodeURIComponent(value)
    if (/^[\x20-\x7e]+$/.test(value) && text.length <= textLengthMax) return text
  } catch {
    // Refused below, like everything else that is no percent-encoded text.
  }
  const message = `${name} 须为百分号编码的 UTF-8,最长 ${textLengthMax} 字 / percent-encoded UTF-8, at most ${textLengthMax} characters`
  throw new Refusal('request-invalid', message, {
    errors: [{ pointer: `/${name}`, code: 'encoding', message }],
  })
}

/** `?fields=a,b`; absent when it says nothing. */
export function readFields(text: string | undefined): string[] | undefined {
  const fields = text
    ?.split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')
  return fields && fields.length > 0 ? fields : undefined
}
