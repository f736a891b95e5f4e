import { type Static, Type } from 'typebox'
import { closed, Instant, Slug } from './common.ts'
import { type ConnectorKind, connectorKinds, SettingsBody } from './connectors.ts'
import type { Mapping } from './mapping.ts'

const mountExamples = [
  { adapter: 'public-security', source: 'residents' },
  { mapping: { fields: { name: { from: 'XM', steps: ['trim'] } }, ignore: ['BZ'] } },
  {
    adapter: 'public-security',
    source: 'residents',
    connector: 'sqlite',
    settings: { path: '/srv/exchange/residents.db', table: 'residents' },
  },
]

/**
 * How a resource is fed: through a department's adapter, or a mapping of its own for what is pushed; a
 * connector with its settings says where the rows are pulled from. The
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
    connector: Type.Optional(Type.Enum([...connectorKinds])),
    settings: Type.Optional(SettingsBody),
  },
  { examples: mountExamples },
)
export type MountDraft = Static<typeof MountDraft>

/** The store that a pull of the resource reads unless it names its own. */
export interface MountedStore {
  connector: ConnectorKind
  /** With `***` in the place of each secret. */
  settings: Record<string, unknown>
}

/** A mount as it is kept. */
export type Mount =
  | ({ adapter: string; source: string } & Partial<MountedStore>)
  | ({ mapping: Mapping } & Partial<MountedStore>)
  | MountedStore

export const ResourceMount = Type.Object(
  {
    resource: Slug,
    adapter: Type.Optional(Slug),
    source: Type.Optional(Type.String()),
    mapping: Type.Optional(Type.Object({})),
    connector: Type.Optional(Type.Enum([...connectorKinds])),
    /** Without secrets: they are shown as `***`. */
    settings: Type.Optional(Type.Object({})),
    version: Type.Integer(),
    updatedBy: Type.String(),
    updatedAt: Instant,
  },
  { examples: [{ resource: 'population', ...mountExamples[0], version: 1, updatedBy: 'li-si' }] },
)
