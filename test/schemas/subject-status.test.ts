import { expect, test } from 'vitest'
import { subjectStatusOf } from '../../src/shared/conditions.ts'
import { standards } from '../../src/shared/standards.ts'

const today = '2026-06-15'

/** What has become of somebody or something, as the rows of the four standards say it. */
const cases: [string, Record<string, unknown>, string][] = [
  ['population', {}, 'current'],
  ['population', { deathDate: '2020-01-01' }, 'deceased'],
  ['population', { deathDate: '2020-01-01', moveOutDate: '2019-01-01' }, 'deceased'],
  ['population', { moveOutDate: '2019-01-01' }, 'moved-away'],
  ['population', { cancelled: true }, 'cancelled'],
  ['population', { cancelled: false }, 'current'],
  ['legal-person', { status: '1' }, 'current'],
  ['legal-person', { status: '2' }, 'revoked'],
  ['legal-person', { status: '4' }, 'cancelled'],
  ['legal-person', { cancelDate: '2020-01-01' }, 'cancelled'],
  ['property', { status: '1' }, 'current'],
  ['property', { status: '2' }, 'historical'],
  ['property', { status: '3' }, 'terminated'],
  ['licence', { status: '01', validTo: '2026-06-15' }, 'current'],
  ['licence', { status: '01', validTo: '2026-06-14' }, 'expired'],
  ['licence', { status: '01', validTo: '2026-06-14', longTerm: true }, 'current'],
  ['licence', { status: '02', validTo: '2099-01-01' }, 'suspended'],
  ['licence', { status: '03', validTo: '2020-01-01' }, 'revoked'],
  ['licence', { status: '04' }, 'cancelled'],
  ['licence', { status: '01', validFrom: '2027-01-01' }, 'not-yet-valid'],
]

test.each(cases)('%s %j is %s', (standard, values, status) => {
  const found = standards().get(standard)
  if (!found) throw new Error(`There is no standard ${standard}`)
  expect(subjectStatusOf(found)(values, today)).toBe(status)
})
