import type { featuresOfPropertyUnit } from '../../shared/identifiers/index.ts'

type Features = NonNullable<ReturnType<typeof featuresOfPropertyUnit>>

/** What a unit of this right can be: a part that is not given may be anything. */
interface Fitting {
  ownership?: string
  use?: string
  fixture?: string
}

/** Rights to build, on, above and below the surface. */
const building = 'BSX'
/** Nothing on the land or water that the right reaches. */
const bare = 'W'
/** Houses and other structures. */
const structure = 'FQ'

/**
 * Which feature characters of a unit (GB/T 37346) go with which kind of right (权利类型, by code). Only
 * what the definitions of both rule out is listed: easements, mortgages, mining rights and local
 * extensions may lie on any unit.
 */
const fittings: ReadonlyMap<string, Fitting> = new Map([
  ['1', { ownership: 'J', fixture: bare }],
  ['2', { ownership: 'G', fixture: bare }],
  ['3', { ownership: 'G', use: building, fixture: bare }],
  ['4', { ownership: 'G', use: building, fixture: structure }],
  ['5', { use: 'C', fixture: bare }],
  ['6', { use: 'C', fixture: structure }],
  ['7', { ownership: 'J', use: building, fixture: bare }],
  ['8', { ownership: 'J', use: building, fixture: structure }],
  ['10', { fixture: 'L' }],
  ['12', { fixture: 'L' }],
  ['15', { use: 'H', fixture: bare }],
  ['16', { use: 'H', fixture: structure }],
  ['17', { use: 'G', fixture: bare }],
  ['18', { use: 'G', fixture: structure }],
])

/** `Z` and `W` say that ownership or use is not settled, and `Y` is any other use: neither is at odds. */
const unsettledOwnership = 'Z'
const unsettledUses = 'WY'

/** True when the unit's features cannot belong to a right of this kind; unknown kinds are never at odds. */
export const isUnitRightAtOdds = (features: Features, right: string): boolean => {
  const fitting = fittings.get(right.replace(/^0+/, ''))
  if (!fitting) return false
  const { ownership, use, fixture } = fitting
  return (
    (ownership !== undefined && !(ownership + unsettledOwnership).includes(features.ownership)) ||
    (use !== undefined && !(use + unsettledUses).includes(features.use)) ||
    (fixture !== undefined && !fixture.includes(features.fixture))
  )
}
