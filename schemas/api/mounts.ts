import { type Static, Type } from 'typebox'
import { closed, Instant, Slug } from './common.ts'
import type { Mapping } from './mapping.ts'

const mountExamples = [
  { adapter: 'public-security', source: 'residents' },
  { mapping: { fields: { name: { from: 'XM', steps: ['trim'] } }, ignore: ['BZ'] } },
]

/**
 * How a resource is fed: through a department's adapter, or a mapping of its own for what is pushed. The
 * mapping is checked by its compiler, which points at each fault, so that the body says little of it.
 */
export const MountDraft = closed(
  {
    adapter: Type.Optional(Slug),
    source: Type.Optional(Type.String({ minLength: 1, maxLength: 100 })),
    mapping: Type.Optional(
      Type.Unsafe<Mapping>(
        Type.Object({}, { description: '映射 / a mapping: fields, children, key, operation, …' }),
      ),
    ),
  },
  { examples: mountExamples },
)
export type MountDraft = Static<typeof MountDraft>

/** A mount as it is kept. */
export type Mount = { adapter: string; source: string } | { mapping: Mapping }

export const ResourceMount = Type.Object(
  {
    resource: Slug,
    adapter: Type.Optional(Slug),
    source: Type.Optional(Type.String()),
    mapping: Type.Optional(Type.Object({})),
    version: Type.Integer(),
    updatedBy: Type.String(),
    updatedAt: Instant,
  },
  { examples: [{ resource: 'population', ...mountExamples[0], version: 1, updatedBy: 'li-si' }] },
)
