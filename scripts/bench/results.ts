/** One line of the table and of `bench.json`. A ratio is value to baseline, measured side by side. */
export interface Result {
  value: number
  unit: string
  baseline: number | null
  ratio: number | null
  /** In words: `ratio ≥ 0.5`. */
  target: string
  ok: boolean
}

export type Results = Record<string, Result>

export interface Measured {
  value: number
  unit: string
  baseline: number
}

/** At least so many times the baseline. */
export function atLeast(target: number, { value, unit, baseline }: Measured): Result {
  const ratio = baseline > 0 ? value / baseline : 0
  return { value, unit, baseline, ratio, target: `ratio ≥ ${target}`, ok: ratio >= target }
}

/** At most so many times the baseline, for what is better when small. */
export function atMost(target: number, { value, unit, baseline }: Measured): Result {
  const ratio = baseline > 0 ? value / baseline : Number.POSITIVE_INFINITY
  return { value, unit, baseline, ratio, target: `ratio ≤ ${target}`, ok: ratio <= target }
}

/** At most so much, compared with nothing. */
export const within = (target: number, { value, unit }: Omit<Measured, 'baseline'>): Result => ({
  value,
  unit,
  baseline: null,
  ratio: null,
  target: `≤ ${target} ${unit}`,
  ok: value <= target,
})

/** The share below which `share` of the samples lie: 0.95 for p95. */
export function percentile(samples: readonly number[], share: number): number {
  const sorted = samples.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)] ?? 0
}

export const mean = (samples: readonly number[]): number =>
  samples.reduce((sum, sample) => sum + sample, 0) / Math.max(1, samples.length)

const figure = (value: number | null): string => {
  if (value === null) return '–'
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2
  return value.toLocaleString('en-US', { maximumFractionDigits: digits })
}

const headings = [
  '项目 name',
  '数值 value',
  '单位 unit',
  '基准 baseline',
  '比值 ratio',
  '目标 target',
  '达标 ok',
]

/** The table for people, Chinese first. */
export function tableOf(results: Results): string {
  const rows = Object.entries(results).map(([name, result]) => [
    name,
    figure(result.value),
    result.unit,
    figure(result.baseline),
    result.ratio === null ? '–' : result.ratio.toFixed(2),
    result.target,
    result.ok ? '是 yes' : '否 no',
  ])
  const widths = headings.map((heading, column) =>
    Math.max(...[heading, ...rows.map((row) => row[column] ?? '')].map(displayWidth)),
  )
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - displayWidth(cell)))
      .join('  ')
      .trimEnd()
  return [line(headings), ...rows.map(line)].join('\n')
}

/** Columns of a terminal: Chinese characters take two. */
const displayWidth = (text: string): number =>
  Array.from(text).reduce(
    (width, character) => width + (/[\u2e80-\uffdc]/.test(character) ? 2 : 1),
    0,
  )
