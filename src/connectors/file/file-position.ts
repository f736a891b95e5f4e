import { type Static, Type } from 'typebox'
import { Check } from 'typebox/value'
import { Refusal } from '../../shared/refusal.ts'
import type { Position } from '../contract.ts'
import type { FileStamp, StoredFile } from './folder-store.ts'

const Taken = Type.Object({
  name: Type.String(),
  size: Type.Number(),
  modifiedAtMs: Type.Number(),
  digest: Type.String(),
})
export type Taken = Static<typeof Taken>

const FilePosition = Type.Object({
  file: Type.String(),
  size: Type.Number(),
  modifiedAtMs: Type.Number(),
  /** Rows of the file that have been read. */
  rows: Type.Number(),
  /** Digest of the file's first `digestRows` rows. */
  digest: Type.String(),
  digestRows: Type.Number(),
  isWhole: Type.Boolean(),
  /** Files that have been taken and still lie there. */
  taken: Type.Array(Taken),
})
export type FilePosition = Static<typeof FilePosition>

export function readFilePosition(position: Position | null): FilePosition | null {
  if (position === null) return null
  if (Check(FilePosition, position)) return position
  throw new Refusal(
    'state-conflict',
    '续传位置不属于文件来源,请从头重新运行 / The position is not one of a file source; run from the beginning',
  )
}

export const filePositionInWords = (position: Position): string => {
  const { file, rows } = readFilePosition(position) ?? { file: '', rows: 0 }
  return `${file} 第 ${rows} 行 / row ${rows}`
}

/**
 * A unit's name, for people and for `acknowledge` in any process: the file with its stamp, so that a file
 * that has taken its place since is never taken for it.
 */
export const unitOf = ({ name, size, modifiedAtMs }: StoredFile): string =>
  `${name} (${size} B, ${new Date(modifiedAtMs).toISOString()})`

export function readUnit(unit: string): FileStamp & { name: string } {
  const found = /^(.*) \((\d+) B, (\S+)\)$/s.exec(unit)
  const [, name = '', size = '', at = ''] = found ?? []
  if (name === '') throw new Error(`The unit ${unit} is not one of a file source`)
  return { name, size: Number(size), modifiedAtMs: Date.parse(at) }
}
