import { setImmediate as nextTurn } from 'node:timers/promises'

/** Items that are written in one turn of the event loop: other calls come between. */
const itemsPerTurn = 100

/** `{"items":[…]`, and what stands behind the list. */
export interface ItemList<Item> {
  items: readonly Item[]
  /** One item as JSON. */
  write: (item: Item) => string
  /** From behind the list to the end: `}` or `,"next":…}`. */
  tail: string
}

/**
 * The list as UTF-8. Each item is encoded by itself: put together as one text, all of them would be copied
 * once more to measure and once more to send it.
 */
export async function writeItems<Item>({ items, write, tail }: ItemList<Item>): Promise<Buffer> {
  const text = openText()
  text.add('{"items":[')
  for (const [place, item] of items.entries()) {
    if (place % itemsPerTurn === 0 && items.length > itemsPerTurn) await nextTurn()
    if (place > 0) text.add(',')
    text.add(write(item))
  }
  text.add(`]${tail}`)
  return text.bytes()
}

const firstBytes = 4 * 1024
/** UTF-8 of one unit of UTF-16; a pair of them takes four. */
const unitBytesMax = 3

function openText() {
  let room = Buffer.allocUnsafe(firstBytes)
  let length = 0
  return {
    add: (text: string): void => {
      const needed = length + text.length * unitBytesMax
      if (needed > room.length) {
        const larger = Buffer.allocUnsafe(Math.max(needed, room.length * 2))
        room.copy(larger, 0, 0, length)
        room = larger
      }
      length += room.write(text, length)
    },
    bytes: (): Buffer => room.subarray(0, length),
  }
}
