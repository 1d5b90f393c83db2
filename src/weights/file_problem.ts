/** What the platform says of a file, as the rest of a sentence that begins with its path. @module */
import type { PlatformError } from "effect";

/**
 * What is wrong with a file or directory, and what to do about it: `no such file` for what cannot be
 * found. The name of the platform's call tells a user nothing; it remains only where nothing else is known.
 */
export const fileProblem = ({ reason, message }: PlatformError.PlatformError): string => {
  if ("pathOrDescriptor" in reason && reason.pathOrDescriptor === "") {
    return "the path is empty; name a file or a directory";
  }
  const code = codeOf(reason.cause) ?? codes[reason._tag];
  if (code === "ENOENT" && makes.has(reason.method)) {
    return reason.method === "makeDirectory"
      ? "cannot be made there; choose another path"
      : "its directory does not exist; make it, or choose another path";
  }
  return (code === undefined ? undefined : problems[code]) ?? message;
};

// The system's own name of a failure, which tells more apart than the platform's tags.
const codeOf = (cause: unknown): string | undefined => {
  const code = (cause as { readonly code?: unknown } | undefined)?.code;
  return typeof code === "string" ? code : undefined;
};

/** Calls that make something, for which it is no fault that it is not there yet. */
const makes: ReadonlySet<string> = new Set(
  ["makeDirectory", "makeTempDirectory", "writeFile", "rename", "copyFile", "symlink"],
);

/** What a tag stands for where the system's name is not told. */
const codes: Readonly<Record<string, string>> = {
  NotFound: "ENOENT",
  PermissionDenied: "EACCES",
  AlreadyExists: "EEXIST",
  Busy: "EBUSY",
};

const denied = "permission denied; change its permissions, or choose another path";

const problems: Readonly<Record<string, string>> = {
  ENOENT: "no such file",
  EACCES: denied,
  EPERM: denied,
  EISDIR: "is a directory; give a file",
  ENOTDIR: "is, or lies in, a file that should be a directory; choose another path",
  EEXIST: "is a file and no directory; choose another path, or remove the file",
  ENOTEMPTY: "is a directory that is not empty; choose another path",
  EROFS: "lies on a file system that cannot be written; choose another path",
  ENOSPC: "no space is left there; make room, or choose another path",
  EDQUOT: "no space is left there; make room, or choose another path",
  EFBIG: "is larger than its file system takes; choose another path",
  ELOOP: "is a link that leads to itself; give what it should lead to",
  ENAMETOOLONG: "the path is too long; choose a shorter one",
  EBUSY: "is in use by another program; end that one, or choose another path",
  EMFILE: "too many files are open; raise the limit (ulimit -n)",
};
