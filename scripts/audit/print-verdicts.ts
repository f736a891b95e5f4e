import { type Fault, isGoodReport } from '../../src/shared/proofs/findings.ts'
import type { Verdict } from './verify.ts'

const faultsShown = 20

const placeOf = ({ position, entryId, path }: Fault): string => {
  const parts = [
    position === undefined ? [] : [`位置 position ${position}`],
    entryId === undefined ? [] : [`条目 entry ${entryId}`],
    path === undefined ? [] : [`文件 file ${path}`],
  ].flat()
  return parts.length > 0 ? `  [${parts.join(', ')}]` : ''
}

/** The result for people: ✓ or ✗ for each thing, and below it exactly what is wrong and where. */
export function linesOf(verdicts: readonly Verdict[]): string[] {
  const isGood = verdicts.every(isGoodReport)
  const last = isGood
    ? '✓ 全部核对通过 / Everything holds'
    : '✗ 未通过核对,见上 / Something is wrong, see above'
  return [...verdicts.flatMap(linesOfOne), last]
}

function linesOfOne({ name, checks, notices }: Verdict): string[] {
  return [
    name,
    ...checks.flatMap(({ isGood, zh, en, faults, faultCount }) => {
      const more = faultCount - Math.min(faultsShown, faults.length)
      return [
        `  ${isGood ? '✓' : '✗'} ${zh} / ${en}`,
        ...faults
          .slice(0, faultsShown)
          .map((fault) => `      ${fault.zh} / ${fault.en}${placeOf(fault)}`),
        ...(more > 0 ? [`      另有 ${more} 处 / and ${more} more`] : []),
      ]
    }),
    ...notices.map(({ zh, en }) => `  ! ${zh} / ${en}`),
  ]
}

/** The same for machines. */
export const jsonOf = (verdicts: readonly Verdict[]): string =>
  JSON.stringify({
    ok: verdicts.every(isGoodReport),
    results: verdicts.map((verdict) => ({ ...verdict, ok: isGoodReport(verdict) })),
  })
