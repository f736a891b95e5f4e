import { watchLimits } from './limits.ts'

/**
 * Whether somebody walks through numbers one after the other. The last number alone is held, in memory, until
 * the next comes; what is kept beside it are directions: −1, 1, or 0 for a step that is none of a walk.
 */
export class KeySteps {
  #last: bigint | null = null
  #steps: Direction[] = []
  /** How many of them lead up, and down. */
  #up = 0
  #down = 0

  add(key: string): void {
    const number = numberOf(key)
    if (number === null) return
    const step = this.#last === null ? null : number - this.#last
    this.#last = number
    // The same record again is neither a step on nor a step aside.
    if (step === null || step === 0n) return
    this.#keep(directionOf(step))
  }

  #keep(direction: Direction): void {
    this.#steps.push(direction)
    this.#count(direction, 1)
    if (this.#steps.length > watchLimits.stepsKept) this.#count(this.#steps.shift(), -1)
  }

  #count(direction: Direction | undefined, by: 1 | -1): void {
    if (direction === 1) this.#up += by
    if (direction === -1) this.#down += by
  }

  /** Of the last steps, the small ones in the direction that most of them have. */
  get sequentialCount(): number {
    return Math.max(this.#up, this.#down)
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
    this.#up = 0
    this.#down = 0
  }
}

type Direction = -1 | 0 | 1

const smallStepMax = BigInt(watchLimits.smallStepMax)

function directionOf(step: bigint): Direction {
  const size = step < 0n ? -step : step
  if (size > smallStepMax) return 0
  return step < 0n ? -1 : 1
}

const digitsMax = 40

/** A citizen's number without its check character (GB 11643), else the digits of a key; null without any. */
function numberOf(key: string): bigint | null {
  const citizen = /(\d{17})[\dXx]$/.exec(key)?.[1]
  const digits = citizen ?? key.replaceAll(/\D/g, '')
  return digits === '' || digits.length > digitsMax ? null : BigInt(digits)
}
