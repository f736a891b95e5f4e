type LegacyCell = string | number | boolean | null | { serial: number } | { error: number }

const record = (id: number, data: Buffer): Buffer => {
  const head = Buffer.alloc(4)
  head.writeUInt16LE(id, 0)
  head.writeUInt16LE(data.length, 2)
  return Buffer.concat([head, data])
}

const words = (...values: number[]): Buffer => {
  const buffer = Buffer.alloc(values.length * 2)
  values.forEach((value, at) => buffer.writeUInt16LE(value, at * 2))
  return buffer
}

const wideText = (text: string): Buffer =>
  Buffer.concat([words(text.length), Buffer.of(1), Buffer.from(text, 'utf16le')])

const double = (value: number): Buffer => {
  const buffer = Buffer.alloc(8)
  buffer.writeDoubleLE(value)
  return buffer
}

function cellRecord(row: number, column: number, cell: LegacyCell): Buffer {
  if (cell === null) return Buffer.alloc(0)
  if (typeof cell === 'string') {
    return record(0x204, Buffer.concat([words(row, column, 0), wideText(cell)]))
  }
  if (typeof cell === 'number') {
    return record(0x203, Buffer.concat([words(row, column, 0), double(cell)]))
  }
  if (typeof cell === 'boolean') {
    return record(0x205, Buffer.concat([words(row, column, 0), Buffer.of(cell ? 1 : 0, 0)]))
  }
  if ('error' in cell) {
    return record(0x205, Buffer.concat([words(row, column, 0), Buffer.of(cell.error, 1)]))
  }
  return record(0x203, Buffer.concat([words(row, column, 1), double(cell.serial)]))
}

/** A BIFF8 workbook of one sheet (MS-XLS), in an OLE2 container (MS-CFB) of the simplest kind. */
export function legacyWorkbook(sheet: string, rows: readonly (readonly LegacyCell[])[]): Buffer {
  const begin = record(0x809, words(0x600, 5, 0, 0, 0, 0, 0, 0))
  const formats = [
    record(0xe0, words(0, 0, ...Array(8).fill(0))),
    record(0xe0, words(0, 14, ...Array(8).fill(0))),
  ]
  const name = Buffer.concat([Buffer.of(sheet.length, 0), Buffer.from(sheet, 'latin1')])
  const bound = (position: number): Buffer => {
    const head = Buffer.alloc(6)
    head.writeUInt32LE(position)
    return record(0x85, Buffer.concat([head, name]))
  }
  const end = record(0x0a, Buffer.alloc(0))
  const globals = (position: number): Buffer =>
    Buffer.concat([begin, ...formats, bound(position), end])
  const cells = rows.flatMap((row, at) => row.map((cell, column) => cellRecord(at, column, cell)))
  const body = Buffer.concat([globals(globals(0).length), begin, ...cells, end])
  return container(body)
}

const sectorBytes = 512
const freeSector = 0xffffffff
const endOfChain = 0xfffffffe

function container(stream: Buffer): Buffer {
  // A stream below 4,096 bytes would have to lie in the mini stream.
  const size = Math.max(4096, Math.ceil(stream.length / sectorBytes) * sectorBytes)
  const sectorCount = size / sectorBytes
  const header = Buffer.alloc(sectorBytes)
  Buffer.from('d0cf11e0a1b11ae1', 'hex').copy(header)
  header.writeUInt16LE(0x3e, 24)
  header.writeUInt16LE(3, 26)
  header.writeUInt16LE(0xfffe, 28)
  header.writeUInt16LE(9, 30)
  header.writeUInt16LE(6, 32)
  header.writeUInt32LE(1, 44)
  header.writeUInt32LE(1, 48)
  header.writeUInt32LE(4096, 56)
  header.writeUInt32LE(endOfChain, 60)
  header.writeUInt32LE(endOfChain, 68)
  header.fill(0xff, 76)
  header.writeUInt32LE(0, 76)
  const table = Buffer.alloc(sectorBytes, 0xff)
  table.writeUInt32LE(0xfffffffd, 0)
  table.writeUInt32LE(endOfChain, 4)
  for (let at = 0; at < sectorCount; at++) {
    table.writeUInt32LE(at === sectorCount - 1 ? endOfChain : at + 3, (at + 2) * 4)
  }
  const directory = Buffer.concat([
    entry('Root Entry', 5, 1, [endOfChain, 0]),
    entry('Workbook', 2, freeSector, [2, size]),
    Buffer.alloc(256),
  ])
  return Buffer.concat([header, table, directory, stream, Buffer.alloc(size - stream.length)])
}

function entry(name: string, kind: number, child: number, [start = 0, size = 0]: number[]): Buffer {
  const buffer = Buffer.alloc(128)
  buffer.write(name, 'utf16le')
  buffer.writeUInt16LE((name.length + 1) * 2, 64)
  buffer.writeUInt8(kind, 66)
  buffer.writeUInt8(1, 67)
  buffer.writeUInt32LE(freeSector, 68)
  buffer.writeUInt32LE(freeSector, 72)
  buffer.writeUInt32LE(child, 76)
  buffer.writeUInt32LE(start, 116)
  buffer.writeUInt32LE(size, 120)
  return buffer
}
