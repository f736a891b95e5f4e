import { type TObject, type TProperties, type TSchema, Type } from 'typebox'

/** Ids of departments, systems, staff and resources: words of a URL that read the same everywhere. */
export const slugPattern = '^[a-z][a-z0-9-]{0,62}$'
export const Slug = Type.String({
  pattern: slugPattern,
  description:
    '小写字母开头,可含数字与连字符,最长 63 位 / a lower-case slug of at most 63 characters',
})

/** RFC 3339, UTC. */
export const Instant = Type.String({ format: 'date-time' })

/** `YYYY-MM-DD`. */
export const CalendarDate = Type.String({ format: 'date' })

/** A name for people, in any script. */
export const Name = Type.String({ minLength: 1, maxLength: 200, pattern: '\\S' })

/** Division code (GB/T 2260): province, city, county; with town and village (GB/T 10114) 9 or 12 digits. */
export const Division = Type.String({ pattern: '^[0-9]{6}([0-9]{3}|[0-9]{6})?$' })

/** A body or a part of one: fields that it does not name are refused. */
export const closed = <Properties extends TProperties>(
  properties: Properties,
  options: { description?: string; examples?: unknown[]; minProperties?: number } = {},
): TObject<Properties> => Type.Object(properties, { additionalProperties: false, ...options })

export const nullable = <Schema extends TSchema>(schema: Schema) =>
  Type.Union([schema, Type.Null()])

export const pageLimitDefault = 50
export const pageLimitMax = 1000

/** Query of every list; spread it to add filters. */
export const pageQuery = {
  limit: Type.Optional(
    Type.Integer({ minimum: 1, maximum: pageLimitMax, default: pageLimitDefault }),
  ),
  after: Type.Optional(
    Type.String({ maxLength: 2000, description: '上一页的 next / `next` of the page before' }),
  ),
}
export const PageQuery = Type.Object(pageQuery)

/** A list's answer: `next` is null on the last page. */
export const page = <Item extends TSchema>(item: Item) =>
  Type.Object({ items: Type.Array(item), next: nullable(Type.String()) })

export const IdParams = Type.Object({ id: Slug })

/** RFC 9457, with the code of the problem table and every fault of a body. */
export const Problem = Type.Object(
  {
    type: Type.String({ description: '/problems/<code>' }),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.String(),
    instance: Type.String({ description: 'urn:uuid:<request id>' }),
    code: Type.String(),
    errors: Type.Optional(
      Type.Array(
        Type.Object({
          pointer: Type.String({ description: 'RFC 6901' }),
          code: Type.String(),
          message: Type.String(),
        }),
      ),
    ),
  },
  { $id: 'Problem' },
)
