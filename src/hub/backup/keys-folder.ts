import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { StartRefusal } from '../start-refusal.ts'

const keyFile = /^[A-Za-z0-9_][A-Za-z0-9_.-]*\.key$/

/** The key files of a keys folder, in order. */
export const listKeys = (keysDir: string): string[] =>
  existsSync(keysDir)
    ? readdirSync(keysDir)
        .filter((name) => keyFile.test(name))
        .toSorted()
    : []

export interface KeysCopy {
  from: string
  to: string
  names: readonly string[]
}

/** Copies keys (folder 0700, files 0600) that are not there yet. */
export function copyKeys({ from, to, names }: KeysCopy): void {
  mkdirSync(to, { recursive: true, mode: 0o700 })
  chmodSync(to, 0o700)
  for (const name of names) {
    const path = join(to, name)
    if (existsSync(path)) continue
    writeFileSync(path, readFileSync(join(from, name)), { mode: 0o600, flag: 'wx', flush: true })
  }
}

/** Refuses a keys folder that already holds other keys: they may be the only ones of another hub. */
export function refuseOtherKeys({ from, to, names }: KeysCopy): void {
  for (const name of names) {
    const path = join(to, name)
    if (!existsSync(path) || readFileSync(path).equals(readFileSync(join(from, name)))) continue
    throw new StartRefusal(
      `密钥目录 ${to} 里已有另一套密钥(${name}),不会覆盖。请用 SHUQIAO_KEYS_DIR 指定空目录。` +
        ` / Keys folder ${to} holds other keys already (${name}), which are not overwritten. Name an empty folder in SHUQIAO_KEYS_DIR.`,
    )
  }
}
