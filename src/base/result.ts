// Expected failures are values. A Fault says what a person on call needs: which object, what was wanted, what was
// found instead, what to do next. Exceptions are for bugs.

export type Fault = {
  /** Machine-readable class, e.g. `bad-config`, `kernel`, `range-exhausted`. */
  readonly kind: string
  /** The thing concerned, e.g. `route 10.244.2.0/24` or `config key pathMode`. */
  readonly object: string
  readonly wanted: string
  readonly found: string
  readonly next: string
}

export type Ok<T> = { readonly ok: true; readonly value: T }
export type Err<E = Fault> = { readonly ok: false; readonly error: E }
export type Result<T, E = Fault> = Ok<T> | Err<E>

export const ok = <T>(value: T): Ok<T> => ({ ok: true, value })
export const err = <E>(error: E): Err<E> => ({ ok: false, error })

export function fault(kind: string, object: string, wanted: string, found: string, next: string): Err<Fault> {
  return err({ kind, object, wanted, found, next })
}

/** One line for a log or a terminal: `route 10.244.2.0/24: wanted …, found …; next: …`. */
export function faultText(f: Fault): string {
  return `${f.object}: wanted ${f.wanted}, found ${f.found}; ${f.next}`
}

/** The value, or an exception that carries the fault: for places where a failure is a bug. */
export function must<T>(result: Result<T>): T {
  if (result.ok) return result.value
  throw new Error(faultText(result.error))
}
