/**
 * Mesa from a release's backports. The software driver of Mesa 22 computes 4 to 10 times slower than
 * that of Mesa 25; Debian 12 has the first in its release and the second in its backports. The machine's
 * own mirror is asked, through temporary sources and lists, so that its apt stays as it is.
 * @module
 */

/** Where a machine gets the packages of its release from. */
export interface Mirror {
  readonly uri: string;
  /** Codename, such as `bookworm`. */
  readonly release: string;
  /** Path of the keyring that signs it, where apt says one. */
  readonly signedBy?: string;
}

/** Oldest Mesa whose software driver is fast enough for the main job. */
const fastMesa = 23;

/** Whether a version such as `22.3.6-1+deb12u1` is of a Mesa with a slow software driver. */
export const isSlowMesa = (version: string): boolean => Number.parseInt(version) < fastMesa;

/** Lists the machine's sources, one a line, as {@linkcode readMirror} reads them. */
export const listMirrors: ReadonlyArray<string> = [
  "apt-get",
  "indextargets",
  "--format",
  "$(COMPONENT) $(RELEASE) $(REPO_URI) $(SIGNED_BY)",
  "Created-By: Packages",
];

/** The first mirror of a whole release, not of its updates or its security fixes. */
export const readMirror = (lines: string): Mirror | undefined => {
  for (const line of lines.split("\n")) {
    const [component, release = "", uri = "", signedBy = ""] = line.split(" ");
    if (component !== "main" || !/^[a-z]+$/.test(release) || !uri.includes(":/")) continue;
    // An older apt leaves "$(SIGNED_BY)" as it is; a newer one may give a whole key.
    return { uri, release, ...signedBy.startsWith("/") ? { signedBy } : {} };
  }
  return undefined;
};

const script = `set -e
keyring=$1 uri=$2 release=$3
shift 3
[ -e "$keyring" ] && signed="[signed-by=$keyring]" || signed=
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
chmod 755 "$dir"
mkdir -p "$dir/lists/partial"
for suite in "$release" "$release-backports"; do
  echo "deb $signed $uri $suite main" >> "$dir/sources.list"
done
apt() {
  apt-get -o Dir::Etc::sourcelist="$dir/sources.list" -o Dir::Etc::sourceparts=- \\
    -o Dir::State::lists="$dir/lists" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= "$@"
}
apt update
apt install -y --no-install-recommends -t "$release-backports" "$@"`;

const debianKeyring = "/usr/share/keyrings/debian-archive-keyring.gpg";

/** The command that installs `packages` from the backports of the mirror's release; needs root. */
export const installFromBackports = (
  { uri, release, signedBy = debianKeyring }: Mirror,
  packages: ReadonlyArray<string>,
): ReadonlyArray<string> => ["sh", "-c", script, "sh", signedBy, uri, release, ...packages];
