/**
 * What the file system refuses, in words of a user. Files and folders that a user, a config or data name are
 * read by `files.ts` alone; what it throws says what is there instead, and {@link reading} what was asked for.
 */
import { type ErrorBoundary, fail, messageOf, type Problem } from './errors.ts';
import { oneLine } from './quoted.ts';

/** What is read, and what the user can do where it cannot be. */
export type Asked = Omit<Problem, 'got'> & { readonly boundary: ErrorBoundary };

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or folder',
  ENOTDIR: 'a path that leads through a file as if it were a folder',
  EISDIR: 'a folder',
  EACCES: 'no permission (EACCES)',
  EPERM: 'no permission (EPERM)',
  ELOOP: 'a symbolic link that leads back to itself',
  ENAMETOOLONG: 'a name that is too long',
  ENXIO: 'a pipe, socket or device',
  ENODEV: 'a pipe, socket or device',
  EIO: 'an error of the disk or file system (EIO)',
  EMFILE: 'too many open files of this process (EMFILE)',
  ENFILE: 'too many open files on this machine (ENFILE)',
  ESTALE: 'a file that is gone from its server (ESTALE)',
  ERR_INVALID_ARG_VALUE: 'a name with a NUL character',
};

/** What is there can be opened, but is not to be read, as a device. The message says what it is. */
export class UnfitFile extends Error {}

/** The system's code of what it refused, e.g. `ENOENT`; undefined for other errors. */
export function refusalCode(error: unknown): string | undefined {
  const code = codeOf(refusalIn(error));
  return code === undefined ? undefined : String(code);
}

/** Whether there is no file or folder of that name. */
export function isMissing(error: unknown): boolean {
  return refusalCode(error) === 'ENOENT';
}

/** Why the system, or `files.ts`, did not let a file be used, in words; undefined for other errors. */
export function refusalOf(error: unknown): string | undefined {
  const refusal = refusalIn(error);
  if (refusal === undefined) return undefined;
  return reasons[String(codeOf(refusal))] ?? oneLine(messageOf(refusal));
}

/**
 * Reads, and turns what is refused into an error that says what was asked for. Other errors pass.
 * @throws MedixError
 */
export async function reading<T>(asked: Asked, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    const got = refusalOf(error);
    if (got === undefined) throw error;
    return refuse(asked, got, error);
  }
}

/**
 * What `parse` makes of what is read. What it throws is told as what was found.
 * @throws MedixError
 */
export async function readingAs<T, Content>(
  asked: Asked,
  read: () => Promise<Content>,
  parse: (content: Content) => T,
): Promise<T> {
  const content = await reading(asked, read);
  try {
    return parse(content);
  } catch (error) {
    return refuse(asked, messageOf(error), error);
  }
}

/** As {@link reading}, where a file that is not there is undefined. */
export async function readingIfThere<T>(
  asked: Asked,
  read: () => Promise<T>,
): Promise<T | undefined> {
  return reading(asked, () =>
    read().catch((error: unknown) => {
      if (isMissing(error)) return undefined;
      throw error;
    }),
  );
}

function refuse({ boundary, ...problem }: Asked, got: string, error: unknown): never {
  return fail(boundary, { ...problem, got }, error);
}

/** The refusal itself, which an error of `files.ts` has as its cause. */
function refusalIn(error: unknown): Error | undefined {
  if (!(error instanceof Error)) return undefined;
  if (error instanceof UnfitFile) return error;
  const code = codeOf(error);
  const isRefusal = code !== undefined && ('syscall' in error || String(code) in reasons);
  return isRefusal ? error : refusalIn(error.cause);
}

function codeOf(error: Error | undefined): unknown {
  return error !== undefined && 'code' in error ? error.code : undefined;
}
