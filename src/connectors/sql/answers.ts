/** A driver's rows as what its caller asked for: the statement says which columns there are. */
export const rowsOf = <Row extends object>(answer: unknown): Row[] =>
  isRows<Row>(answer) ? answer : []

const isRows = <Row extends object>(answer: unknown): answer is Row[] => Array.isArray(answer)

/** A cell that a driver may have made a number or truth value of, as text again. */
export function cellText(cell: unknown): string | null {
  if (typeof cell === 'string') return cell
  if (typeof cell === 'number' || typeof cell === 'boolean' || typeof cell === 'bigint') {
    return String(cell)
  }
  return cell === null || cell === undefined ? null : JSON.stringify(cell)
}
