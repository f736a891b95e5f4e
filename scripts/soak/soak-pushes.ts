import { faultsOf } from './judge-kills.ts'
import type { HubProcess } from './hub-process.ts'
import { killPushes, type Victim } from './kill-pushes.ts'
import { seeded } from './seeded.ts'

export interface PushSoak {
  adminToken: string
  kills: number
  rows: number
  seed: number
}

/** Answers what went wrong; empty when nothing did. */
export async function soakPushes(hub: HubProcess, options: PushSoak): Promise<string[]> {
  const victims = Array.from({ length: options.kills }, (_, index): Victim =>
    index % 2 === 0 ? 'hub' : 'postgres',
  )
  console.log(`pushes: seed ${options.seed}, ${victims.length} kills, ${options.rows} rows a push`)
  const result = await killPushes({
    hub,
    adminToken: options.adminToken,
    victims,
    rowCount: options.rows,
    random: seeded(options.seed),
    log: console.log,
  })
  console.log(
    `${result.struckCount} kills struck a push under way; ${result.followed.size} records`,
  )
  return faultsOf(result)
}
