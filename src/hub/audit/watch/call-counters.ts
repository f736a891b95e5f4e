import type { AuditFacts } from '../facts.ts'
import { type FoundHint, hourOf } from './hint.ts'
import { KeySteps } from './key-steps.ts'
import { watchLimits } from './limits.ts'

interface SystemState {
  hour: number
  callCount: number
  absentCount: number
  steps: KeySteps
}

/** Calls that ask for records by their keys. */
const byKey: ReadonlySet<string> = new Set(['records.read', 'records.query', 'records.verify'])

/** What can be judged from calls as they come, system by system, in bounded memory. */
export class CallCounters {
  readonly #systems = new Map<string, SystemState>()

  get size(): number {
    return this.#systems.size
  }

  /** What this call makes worth a look; the clock is the call's own. */
  see(facts: AuditFacts): FoundHint[] {
    const { system, operation } = facts
    if (system === undefined || !byKey.has(operation)) return []
    const state = this.#stateOf(system, hourOf(facts.requestedAt))
    state.callCount += 1
    if (facts.outcome === 'absent') state.absentCount += 1
    for (const { key } of (facts.subjects ?? []).slice(0, watchLimits.keysPerCallMax)) {
      state.steps.add(key)
    }
    return [...absentsOf(state), ...walkOf(state)].map((found) => ({
      ...found,
      system,
      department: facts.department,
      at: facts.requestedAt,
    }))
  }

  #stateOf(system: string, hour: number): SystemState {
    const kept = this.#systems.get(system)
    // Taken out and put back, so that the first of the map is the one that has been silent longest.
    this.#systems.delete(system)
    const steps = kept?.steps ?? new KeySteps()
    const state = kept && kept.hour >= hour ? kept : { hour, callCount: 0, absentCount: 0, steps }
    this.#systems.set(system, state)
    if (this.#systems.size > watchLimits.systemsMax) {
      const silent = this.#systems.keys().next()
      if (!silent.done) this.#systems.delete(silent.value)
    }
    return state
  }
}

type Finding = Pick<FoundHint, 'kind' | 'evidence'>

function absentsOf({ callCount, absentCount }: SystemState): Finding[] {
  const { absentCallsMin, absentShareMax } = watchLimits
  if (callCount < absentCallsMin || absentCount / callCount <= absentShareMax) return []
  return [{ kind: 'many-absents', evidence: { calls: callCount, absents: absentCount } }]
}

function walkOf({ steps }: SystemState): Finding[] {
  if (!steps.isWalk) return []
  const evidence = { steps: steps.stepCount, sequential: steps.sequentialCount }
  steps.forget()
  return [{ kind: 'sequential-keys', evidence }]
}
