import { watchLimits } from './limits.ts'

/**
 * Whether somebody walks through numbers one after the other. The last number alone is held, in memory, until
 * the next comes; what is kept beside it are directions: −1, 1, or 0 for a step that is none of a walk.
 */
export class KeySteps {
  #last: bigint | null = null
  #steps: (-1 | 0 | 1)[] = []

  add(key: string): void {
    const number = numberOf(key)
    if (number === null) return
    const step = this.#last === null ? null : number - this.#last
    this.#last = number
    // The same record again is neither a step on nor a step aside.
    if (step === null || step === 0n) return
    this.#steps.push(directionOf(step))
    if (this.#steps.length > watchLimits.stepsKept) this.#steps.shift()
  }

  /** Of the last steps, the small ones in the direction that most of them have. */
  get sequentialCount(): number {
    const up = this.#steps.filter((step) => step === 1).length
    const down = this.#steps.filter((step) => step === -1).length
    return Math.max(up, down)
  }

  get stepCount(): number {
    return this.#steps.length
  }

  get isWalk(): boolean {
    return this.sequentialCount >= watchLimits.sequentialStepsMin
  }

  /** After a hint: the next one needs new evidence. */
  forget(): void {
    this.#steps = []
  }
}

function directionOf(step: bigint): -1 | 0 | 1 {
  const size = step < 0n ? -step : step
  if (size > BigInt(watchLimits.smallStepMax)) return 0
  return step < 0n ? -1 : 1
}

const digitsMax = 40

/** A citizen's number without its check character (GB 11643), else the digits of a key; null without any. */
function numberOf(key: string): bigint | null {
  const citizen = /(\d{17})[\dXx]$/.exec(key)?.[1]
  const digits = citizen ?? key.replaceAll(/\D/g, '')
  return digits === '' || digits.length > digitsMax ? null : BigInt(digits)
}
