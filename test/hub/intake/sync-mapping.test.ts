import { describe, expect, test } from 'vitest'
import type { Mapping } from '../../../schemas/api/mapping.ts'
import type { ServedResource } from '../../../src/hub/catalog/served-resource.ts'
import { mappingOfSync } from '../../../src/hub/intake/sync-mapping.ts'

const mapping = (name: string): Mapping => ({ fields: { name: { from: name } } })
const own = mapping('own')
const mounted = mapping('mounted')
const served = { mapping: mounted } as ServedResource
const ofAdapter = (adapter: string, source: string): Mapping | null =>
  adapter === 'public-security' && source === 'residents' ? mapping('adapter') : null

describe('the mapping that a sync’s rows go through', () => {
  const adapter = { adapter: 'public-security', source: 'residents' }

  test('is its own before its adapter’s, and that before the mount’s', () => {
    expect(mappingOfSync({ mapping: own, ...adapter }, served, ofAdapter)).toBe(own)
    expect(mappingOfSync({ mapping: null, ...adapter }, served, ofAdapter)).toEqual(
      mapping('adapter'),
    )
    const neither = { mapping: null, adapter: null, source: null }
    expect(mappingOfSync(neither, served, ofAdapter)).toBe(mounted)
  })

  test('is none where its adapter has gone, never another’s', () => {
    const gone = { mapping: null, adapter: 'public-security', source: 'gone' }
    expect(mappingOfSync(gone, served, ofAdapter)).toBeNull()
  })
})
