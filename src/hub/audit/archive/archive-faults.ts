import { StartRefusal } from '../../start-refusal.ts'

/** What the archive holds is not what it should: it is not verified, and nothing is dropped. */
export class ArchiveFault extends StartRefusal {}

export const archiveDamaged = (path: string, cause?: unknown): ArchiveFault =>
  new ArchiveFault(
    `归档文件 ${path} 缺失或被改动,未移出任何数据 / Archive file ${path} is missing or was changed: nothing was dropped`,
    cause,
  )

export const archiveDiffers = (folder: string, zh: string, en: string): ArchiveFault =>
  new ArchiveFault(
    `${folder} 的归档不成立:${zh}。未移出任何数据;库中数据完整时,请移走该目录后重新归档` +
      ` / The archive in ${folder} does not hold: ${en}. Nothing was dropped; move the folder away and archive again`,
  )

export const archiveRefused = (zh: string, en: string): StartRefusal =>
  new StartRefusal(`${zh} / ${en}`)
