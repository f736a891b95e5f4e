import type { Fault } from './findings.ts'
import type { BadTile } from './tree-from-tiles.ts'

export const tileFault = ({ path, bytesFound, bytesExpected }: BadTile): Fault =>
  bytesFound === null
    ? { zh: '瓦片缺失', en: 'the tile is missing', path }
    : {
        zh: `瓦片长度不对:应为 ${bytesExpected} 字节,实为 ${bytesFound} 字节(截断或加长)`,
        en: `the tile has ${bytesFound} bytes instead of ${bytesExpected}: cut off or padded`,
        path,
      }

export const notInTree = {
  zh: '瓦片的根不在上一层中:瓦片被改动',
  en: 'the level above does not hold its root: the tile was changed',
}
