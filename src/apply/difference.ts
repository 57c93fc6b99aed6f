// The difference between what the kernel has and what it should have, by key.

export type Difference<Have, Want> = {
  readonly missing: readonly Want[]
  readonly changed: readonly { readonly have: Have; readonly want: Want }[]
  readonly surplus: readonly Have[]
}

/** @param same whether what stands is what is wanted; called for equal keys only */
export function difference<Have, Want>(
  have: ReadonlyMap<string, Have>,
  want: ReadonlyMap<string, Want>,
  same: (have: Have, want: Want) => boolean,
): Difference<Have, Want> {
  const missing: Want[] = []
  const changed: { have: Have; want: Want }[] = []
  for (const [key, wanted] of want) {
    const standing = have.get(key)
    if (standing === undefined) missing.push(wanted)
    else if (!same(standing, wanted)) changed.push({ have: standing, want: wanted })
  }
  const surplus: Have[] = []
  for (const [key, row] of have) if (!want.has(key)) surplus.push(row)
  return { missing, changed, surplus }
}

export function byKey<T>(rows: readonly T[], key: (row: T) => string): Map<string, T> {
  const out = new Map<string, T>()
  for (const row of rows) out.set(key(row), row)
  return out
}
