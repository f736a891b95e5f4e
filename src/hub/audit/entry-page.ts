import { pageLimitDefault } from '../../../schemas/api/common.ts'
import { Refusal } from '../../shared/refusal.ts'
import { readPage } from '../http/cursors.ts'

/** `?limit=&after=` of lists ordered by entry id, newest first. */
export function readEntryPage(query: { limit?: number | undefined; after?: string | undefined }): {
  limit: number
  after: string | null
} {
  const { after } = readPage(query.after === undefined ? {} : { after: query.after })
  const isId = after === null || /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(after)
  if (!isId) throw new Refusal('request-invalid', '游标无效 / The cursor is not one of this list')
  return { limit: query.limit ?? pageLimitDefault, after }
}
