import { keysOfValue, readKey } from '../../../src/hub/records/find-keys.ts'
import type { TestHub } from '../../support/hub.ts'
import type { JourneyResource } from './journey.ts'

/**
 * The merge keys of the live records that a key finds (`<value>` or `<field>:<value>`), by the statements
 * of the hub itself: present values first, and former ones only where no present value is found.
 */
export const findersOf =
  (hub: TestHub, resource: JourneyResource) =>
  async (text: string): Promise<string[]> => {
    const served = await hub.app.hub.catalog.served(resource.id)
    if (served === null) throw new Error(`${resource.id} is not published`)
    const { field, value } = readKey(served, text)
    for (const generation of ['direct', 'former'] as const) {
      const keys = keysOfValue(served, generation, { field, value: '$1::text' })
      const found = await resource.keysWhere(`t._key in (${keys})`, [value])
      if (found.length > 0) return found
    }
    return []
  }
