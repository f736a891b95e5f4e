/** Property unit numbers: GB/T 37346-2019, 28 characters without a check digit (`standards` §3.6). */
import { areDigits, identifierCheck } from './result.ts'

const length = 28
const ownershipAt = 12
const useAt = 13
const fixtureAt = 19
const unitStart = 20

/** State-owned, collective, not yet settled. */
const ownerships = 'GJZ'
/** Kinds of parcel; N (farmland) and L come with the newer text of the standard. */
const uses = 'ABSXCDEFHGWYNL'
/** Collectively owned land, and homesteads: they exist on collective land only. */
const collectiveUses = 'AC'
/** Houses, forest, other. */
const fixtures = 'FLQ'

function isPropertyUnit(unit: string): boolean {
  if (unit.length !== length) return false
  const ownership = unit.charAt(ownershipAt)
  const use = unit.charAt(useAt)
  const isLand = ownerships.includes(ownership) && uses.includes(use)
  if (!isLand || (collectiveUses.includes(use) && ownership !== 'J')) return false
  return (
    areDigits(unit, 0, ownershipAt) &&
    areDigits(unit, useAt + 1, fixtureAt) &&
    areDigits(unit, unitStart, length) &&
    hasFixture(unit)
  )
}

/** Land without anything on it (W) has only zeros as its unit. */
const hasFixture = (unit: string): boolean =>
  fixtures.includes(unit.charAt(fixtureAt)) || unit.endsWith('W00000000')

/** Printed in groups of 6, 6, 7 and 9; stored without spaces. */
export const checkPropertyUnit = identifierCheck({
  faultOf: (unit) => (isPropertyUnit(unit) ? undefined : 'identifier-form'),
  storedForm: (tidied) => tidied.replace(/\s+/gu, ''),
})

/** The two feature characters of the parcel and the one of what stands on it, of a 28-character number. */
export const featuresOfPropertyUnit = (
  unit: string,
): { ownership: string; use: string; fixture: string } | undefined =>
  isPropertyUnit(unit)
    ? {
        ownership: unit.charAt(ownershipAt),
        use: unit.charAt(useAt),
        fixture: unit.charAt(fixtureAt),
      }
    : undefined
