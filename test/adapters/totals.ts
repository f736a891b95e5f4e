import type { Strictness } from '../../src/exchange/checks/judge.ts'

interface Totals {
  rejected: number
  flagged: number
  /** How often each code is said about rows that land. */
  flags: Readonly<Record<string, number>>
}

/** What becomes of the 200 rows of each sample. */
export const totals: Readonly<Record<string, Readonly<Record<Strictness, Totals>>>> = {
  'public-security/residents': {
    strict: {
      rejected: 12,
      flagged: 6,
      flags: {
        'char-lossy': 1,
        'char-private-use': 1,
        'division-unknown': 1,
        'field-missing': 2,
        'identifier-check-digit': 1,
      },
    },
    lenient: {
      rejected: 3,
      flagged: 15,
      flags: {
        'char-lossy': 1,
        'char-private-use': 1,
        'code-unknown': 1,
        'cross-birth-date': 1,
        'cross-sex': 1,
        'date-invalid': 1,
        'division-unknown': 1,
        'field-missing': 2,
        'identifier-check-digit': 2,
        'identifier-date': 1,
        'identifier-form': 1,
        'identifier-masked': 1,
        type: 1,
      },
    },
  },
  'market-regulation/companies': {
    strict: {
      rejected: 10,
      flagged: 5,
      flags: {
        'char-lossy': 1,
        'division-unknown': 1,
        'field-missing': 1,
        'identifier-check-digit': 1,
        'identifier-organisation': 1,
      },
    },
    lenient: {
      rejected: 2,
      flagged: 13,
      flags: {
        'amount-invalid': 1,
        'char-lossy': 1,
        'code-unknown': 1,
        'cross-period': 1,
        'date-future': 1,
        'division-unknown': 1,
        'field-missing': 1,
        'identifier-check-digit': 3,
        'identifier-form': 1,
        'identifier-masked': 1,
        'identifier-organisation': 1,
      },
    },
  },
  'market-regulation/registry-csv': {
    strict: {
      rejected: 3,
      flagged: 197,
      flags: {
        'field-missing': 395,
      },
    },
    lenient: {
      rejected: 0,
      flagged: 200,
      flags: {
        'amount-invalid': 1,
        'code-unknown': 1,
        'date-invalid': 1,
        'field-missing': 401,
        'identifier-check-digit': 1,
      },
    },
  },
  'natural-resources/rights': {
    strict: {
      rejected: 9,
      flagged: 3,
      flags: { 'field-missing': 1, 'identifier-check-digit': 1, 'unit-not-placed': 1 },
    },
    lenient: {
      rejected: 2,
      flagged: 10,
      flags: {
        'cross-period': 1,
        'cross-unit-right': 1,
        'date-future': 1,
        'field-missing': 1,
        'identifier-check-digit': 1,
        'identifier-form': 1,
        'identifier-masked': 1,
        type: 2,
        'unit-not-placed': 1,
      },
    },
  },
  'administrative-approval/permits': {
    strict: {
      rejected: 10,
      flagged: 2,
      flags: {
        'cross-period': 1,
        'field-missing': 2,
      },
    },
    lenient: {
      rejected: 4,
      flagged: 8,
      flags: {
        'code-unknown': 1,
        'cross-holder': 2,
        'cross-period': 2,
        'date-future': 1,
        'field-missing': 2,
        'identifier-masked': 2,
      },
    },
  },
  'administrative-approval/licences': {
    strict: {
      rejected: 8,
      flagged: 3,
      flags: {
        'field-missing': 2,
        required: 1,
      },
    },
    lenient: {
      rejected: 3,
      flagged: 8,
      flags: {
        'children-length': 1,
        'code-unknown': 1,
        'cross-period': 1,
        'field-missing': 2,
        'identifier-check-digit': 2,
        required: 1,
      },
    },
  },
}
