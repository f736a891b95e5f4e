/**
 * The groups of names that reach each other (strongly connected components of more than one name), each
 * in alphabetical order, by Tarjan's algorithm.
 */
export function cyclesOf(edges: readonly (readonly [string, string])[]): string[][] {
  const next = new Map<string, string[]>()
  for (const [from, to] of edges) next.set(from, [...(next.get(from) ?? []), to])
  const order = new Map<string, number>()
  const lowest = new Map<string, number>()
  const open: string[] = []
  const found: string[][] = []

  const lower = (name: string, value: number): void => {
    lowest.set(name, Math.min(lowest.get(name) ?? value, value))
  }
  const visit = (name: string): void => {
    const number = order.size
    order.set(name, number)
    lower(name, number)
    open.push(name)
    for (const other of next.get(name) ?? []) {
      if (!order.has(other)) visit(other)
      if (open.includes(other)) lower(name, lowest.get(other) ?? number)
    }
    if (lowest.get(name) !== number) return
    const group = open.splice(open.indexOf(name))
    if (group.length > 1) found.push(group.toSorted())
  }

  for (const name of next.keys()) if (!order.has(name)) visit(name)
  return found.toSorted((a, b) => (String(a) < String(b) ? -1 : 1))
}
