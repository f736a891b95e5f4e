/** One thing that is wrong, and where. Sentences are for people: Chinese, and English beside it. */
export interface Fault {
  zh: string
  en: string
  /** Of an entry in the log, from 0. */
  position?: number
  entryId?: string
  /** A tile, an entry bundle or another file, by its path. */
  path?: string
}

/** One thing that was looked at, with what was found wrong in it. */
export interface Check {
  zh: string
  en: string
  isGood: boolean
  /** How many faults there are. */
  faultCount: number
  /** The first of them: a log that was rewritten has millions. */
  faults: Fault[]
}

export interface Report {
  checks: Check[]
  /** What the reader should know that is no fault. */
  notices: { zh: string; en: string }[]
}

const faultsKept = 50

/** A part of a text keeps the whole of it in memory: of an id, a bundle of entries. */
export const copyOf = (text: string): string => Buffer.from(text).toString()

const alone = (fault: Fault): Fault =>
  fault.entryId === undefined ? fault : { ...fault, entryId: copyOf(fault.entryId) }

export interface Findings {
  /** Opens a check; whoever opened it says what is wrong with it. */
  check(zh: string, en: string): (fault: Fault) => void
  notice(zh: string, en: string): void
  report(): Report
}

/** Collects what a verification finds, in memory that does not grow with the number of faults. */
export function openFindings(): Findings {
  const checks: Check[] = []
  const notices: Report['notices'] = []
  return {
    check: (zh, en) => {
      const check: Check = { zh, en, isGood: true, faultCount: 0, faults: [] }
      checks.push(check)
      return (fault) => {
        check.isGood = false
        check.faultCount += 1
        if (check.faults.length < faultsKept) check.faults.push(alone(fault))
      }
    },
    notice: (zh, en) => notices.push({ zh, en }),
    report: () => ({ checks, notices }),
  }
}

export const isGoodReport = ({ checks }: Report): boolean => checks.every(({ isGood }) => isGood)
